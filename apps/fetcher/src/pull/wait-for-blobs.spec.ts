import { randomUUID } from 'node:crypto';
import { ReadOperationBlobs } from '#contracts/calls/operations';
import { ANONYMOUS } from '#contracts/principal';
import type { Bus } from '#messaging/bus';
import { FakeCalls } from '#testing/fake-calls';
import { MemoryBus } from '#testing/memory-bus';
import { quickSettings } from '../fetcher.testing';
import { BlobEnds } from './blob-ends';
import { BlobWait } from './wait-for-blobs';

const EVERY_MS = 100;

it('however many wait for their layers, metadata is asked no more often than by a few of them', async () => {
  const calls = new FakeCalls().on(ReadOperationBlobs, () => ({
    missing: 1,
    failed: [],
    bytesDone: 0,
    bytesTotal: 1,
  }));
  const bus = new MemoryBus() as unknown as Bus;
  const config = quickSettings({ ENTREPOT_FETCH_PROGRESS_MS: String(EVERY_MS) });
  const wait = new BlobWait(calls, bus, new BlobEnds(bus), config);
  const stop = new AbortController();
  const waiting = Array.from({ length: 160 }, () =>
    wait.all({ id: randomUUID(), epoch: 1, principal: ANONYMOUS }, new Set(), stop.signal),
  );
  await new Promise((resolve) => setTimeout(resolve, 10 * EVERY_MS));
  stop.abort(new Error('enough'));
  expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);
  expect(calls.asked.length).toBeGreaterThan(160);
  expect(calls.asked.length).toBeLessThan(160 + 32 * 12);
});
