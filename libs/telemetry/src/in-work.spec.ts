import { doing, enterDoing, traceHeader, whileDoing } from './doing';
import { belongingHeaders, belongingOf, inAnswer, inWork } from './in-work';

const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const operation = '01990000-0000-7000-8000-000000000000';
const later = () => new Promise<void>((resolve) => setImmediate(resolve));

it('belongs to what it was taken up for, over every wait, and what runs beside it does not', async () => {
  const seen: unknown[] = [];
  const one = inWork('pull', { operation, traceparent }, async () => {
    await later();
    seen.push(doing()?.operation, traceHeader());
  });
  const other = inWork('pull', {}, async () => {
    await later();
    seen.push(doing());
  });
  await Promise.all([one, other]);
  expect(seen).toEqual(expect.arrayContaining([operation, traceparent, undefined]));
  expect(doing()).toBeUndefined();
});

it('begun in the middle of other work belongs to that no more', async () => {
  await inWork('fill', { operation, traceparent }, async () => {
    await inWork('fill', {}, async () => {
      expect(doing()?.operation).toBeUndefined();
      expect(traceHeader()).toBeUndefined();
    });
    expect(doing()?.operation).toBe(operation);
  });
});

it('is told to the next process in headers, which believes nothing else', async () => {
  await inWork('pull', { operation, traceparent }, async () => {
    const headers = belongingHeaders();
    expect(headers).toEqual({ traceparent, 'entrepot-operation': operation });
    expect(belongingOf(headers)).toEqual({ operation, traceparent });
  });
  expect(belongingHeaders()).toEqual({});
  expect(belongingOf({ 'entrepot-operation': '{"level":"fatal"}', traceparent: ['a', 'b'] })).toEqual({});
  await inAnswer('x', { traceparent: 'nonsense' }, async () => expect(doing()).toBeUndefined());
});

it('goes on being carried while others end', async () => {
  const leave = enterDoing({ operation: 'long' }, () => {});
  let seen: string | undefined;
  const long = whileDoing({ operation }, async () => {
    await later();
    await later();
    seen = doing()?.operation;
  });
  await whileDoing({ operation: 'short' }, later);
  leave();
  await long;
  expect(seen).toBe(operation);
});

it('is let go of, by all that it began too, when the last of it ends: then carrying costs nothing', async () => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let left: Promise<unknown> = Promise.resolve();
  await whileDoing({ operation }, async () => {
    left = gate.then(() => doing());
  });
  open();
  expect(await left).toBeUndefined();
});
