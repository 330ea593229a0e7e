import { chooseBlobStart } from './choose-blob-start';

const choose = (status: number, headers: Record<string, string>, offset: number, size = 100) =>
  chooseBlobStart('registry.test', { status, header: (name) => headers[name] }, offset, size);

it('the part that was asked for begins where it was asked for', () => {
  expect(choose(206, { 'content-range': 'bytes 40-99/100' }, 40)).toBe(40);
  expect(choose(206, { 'content-range': 'bytes 40-99/*' }, 40)).toBe(40);
});

it('the whole begins at 0, asked for or not', () => {
  expect(choose(200, { 'content-length': '100' }, 0)).toBe(0);
  expect(choose(200, {}, 40)).toBe(0);
});

it.each(['bytes 39-99/100', 'bytes 41-99/100', 'bytes */100', 'items 40-99/100', ''])(
  '%j is another part: the whole is asked for instead',
  (range) => {
    expect(choose(206, { 'content-range': range }, 40)).toBeUndefined();
  },
);

it('what is longer than promised is seen before it is read', () => {
  const longer = expect.objectContaining({ code: 'SIZE_INVALID', message: expect.stringContaining('101 bytes') });
  expect(() => choose(200, { 'content-length': '101' }, 0)).toThrow(longer);
  expect(() => choose(206, { 'content-range': 'bytes 40-100/101' }, 40)).toThrow(longer);
  expect(() => choose(206, { 'content-range': 'bytes 40-100/*' }, 40)).toThrow(longer);
});

it('an upstream that cannot serve a part is asked for the whole, and one that cannot serve that is at fault', () => {
  expect(choose(416, { 'content-range': 'bytes */100' }, 40)).toBeUndefined();
  expect(() => choose(416, {}, 0)).toThrow('answered 416');
  expect(() => choose(206, { 'content-range': 'bytes 0-99/100' }, 0)).toThrow('answered 206');
});

it('what is encoded on the way is refused', () => {
  expect(() => choose(200, { 'content-encoding': 'gzip' }, 0)).toThrow('encoded as gzip');
});
