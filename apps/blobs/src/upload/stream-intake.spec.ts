import { PassThrough, Readable } from 'node:stream';
import { StreamIntake } from './stream-intake';

const never = new AbortController().signal;

describe('taking a stream', () => {
  test('it is not read faster than it is taken', async () => {
    let made = 0;
    const stream = new Readable({
      highWaterMark: 1,
      read() {
        made += 1;
        this.push(Buffer.alloc(64 * 1024));
      },
    });
    const intake = new StreamIntake(stream);
    await intake.next(never);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toBeLessThan(10);
    intake.release();
    stream.destroy();
  });

  test('what came before a failure is taken first', async () => {
    const stream = new PassThrough();
    const intake = new StreamIntake(stream);
    stream.write('before');
    await new Promise((resolve) => setImmediate(resolve));
    stream.destroy(new Error('broken'));
    expect(String(await intake.next(never))).toBe('before');
    await expect(intake.next(never)).rejects.toThrow('broken');
  });

  test('a stream that closes without an end has failed', async () => {
    const stream = new PassThrough();
    const intake = new StreamIntake(stream);
    const next = intake.next(never);
    stream.destroy();
    await expect(next).rejects.toThrow('closed before its end');
  });

  test('whoever stops waiting leaves the stream as it is', async () => {
    const stop = new AbortController();
    const stream = new PassThrough();
    const intake = new StreamIntake(stream);
    const next = intake.next(stop.signal);
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    intake.release();
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });

  test('an end is an end, however often it is asked', async () => {
    const stream = Readable.from([Buffer.from('all')], { objectMode: false });
    const intake = new StreamIntake(stream);
    expect(String(await intake.next(never))).toBe('all');
    expect([await intake.next(never), await intake.next(never)]).toEqual([null, null]);
    const late = new StreamIntake(stream);
    expect(await late.next(never)).toBeNull();
  });
});
