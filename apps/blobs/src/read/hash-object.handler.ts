import { Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import type { HashObject } from '#contracts/calls/blobs';
import { ReadObject } from '#contracts/calls/sessions';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { BlobDriver } from '../driver/blob-driver';
import { byOffset } from '../upload/extent-coverage';
import { hashStored } from './hash-stored';

/** Scrubbing: what is stored of an object, hashed. It judges nothing and marks nothing. */
@Injectable()
export class HashObjectHandler {
  constructor(
    private readonly driver: BlobDriver,
    private readonly calls: Calls,
  ) {}

  async hash({ object, algorithm }: QuestionOf<typeof HashObject>): Promise<AnswerOf<typeof HashObject>> {
    const view = await this.calls.ask(ReadObject, { object });
    const extents = byOffset(view.extents);
    const size = view.size ?? extents.reduce((end, { offset, length }) => Math.max(end, offset + length), 0);
    return hashStored(this.driver, object, extents, size, algorithm);
  }
}
