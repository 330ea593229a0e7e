import { setFlagsFromString } from 'node:v8';

/**
 * Lets the heap double between two collections of all of it. Bytes on their way through sockets count as growth, and V8
 * by itself allows as little as a tenth where collecting is slow, as it is on a busy machine: then the whole heap, which
 * hardly changes, is marked again for each few MiB that go by, and costs more than all that is done with the bytes.
 */
export function growHeap(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
