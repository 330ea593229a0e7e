import { Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { TakeSegment } from '#contracts/calls/journal';
import { RegistryError } from '#oci/registry-error';
import { BlobDriver } from '../driver/blob-driver';
import { segmentName } from './segment-name';

/** Whether the store is the one that this database's objects are in, by the journal that is written beside them. */
@Injectable()
export class RightStore {
  constructor(
    private readonly calls: Calls,
    private readonly driver: BlobDriver,
  ) {}

  /** Throws UNAVAILABLE where the store has not even the first segment that was stored: it is another one, or not mounted. */
  async mustBeHere(): Promise<void> {
    const fault = await this.judge();
    if (fault !== null) throw new RegistryError('UNAVAILABLE', fault);
  }

  /** Why it is not; null where it is. */
  async judge(): Promise<string | null> {
    const { installation, generation, segment } = await this.calls.ask(TakeSegment, {});
    // A database that was restored begins a generation, and has stored nothing of that one.
    if (generation === 1 && segment === 1) return null;
    const first = { installation, generation: 1, segment: 1 };
    if ((await this.driver.readSegment(segmentName(first))) !== null) return null;
    return 'the store has no journal of this database: is this the right store, and is it mounted? Nothing in it is said to be lost';
  }
}
