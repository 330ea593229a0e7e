import * as fc from 'fast-check';
import { parseRequest } from './parse-request';
import { PoisonMessage } from './poison-message';

const raw = (body: unknown, more: object = {}) => ({
  subject: 'entrepot.request.pull',
  bytes: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  messageId: undefined,
  key: 'ENTREPOT_REQUESTS-7-1234',
  ...more,
});
const event = {
  specversion: '1.0',
  id: 'e1',
  source: 's',
  type: 'dev.entrepot.request.pull.v1',
  data: { reference: 'alpine' },
};

describe('reading a request', () => {
  it('takes the id of the CloudEvent, else of the message, else of its place in the stream', () => {
    expect(parseRequest(raw(event, { messageId: 'm1' }))).toMatchObject({
      requestId: 'e1',
      body: { reference: 'alpine' },
    });
    expect(parseRequest(raw({ reference: 'alpine' }, { messageId: 'm1' }))).toMatchObject({ requestId: 'm1' });
    for (const messageId of [undefined, '']) {
      expect(parseRequest(raw({ reference: 'alpine' }, { messageId }))).toMatchObject({
        requestId: 'message-ENTREPOT_REQUESTS-7-1234',
      });
    }
  });

  it('reads who asks from the subject alone', () => {
    expect(parseRequest(raw({ principal: 'root' }))).toMatchObject({ principal: 'anonymous' });
    expect(parseRequest(raw({}, { subject: 'entrepot.request.remove.k1m' }))).toMatchObject({
      principal: 'k1m',
      kind: 'remove',
    });
  });

  it('takes an attribute that is null for none', () => {
    const nulls = { subject: null, time: null, datacontenttype: null, dataschema: null };
    expect(parseRequest(raw({ ...event, ...nulls }))).toMatchObject({ requestId: 'e1', fault: null });
    expect(parseRequest(raw({ ...event, source: null })).fault?.message).toContain('source');
  });

  it('names a CloudEvent that is wrong but has an id, and says what is wrong', () => {
    const { source: _, ...unsourced } = event;
    expect(parseRequest(raw(unsourced))).toMatchObject({ requestId: 'e1', fault: { code: 'INVALID' } });
    expect(parseRequest(raw({ ...event, id: 5 }, { messageId: 'm1' }))).toMatchObject({
      requestId: 'm1',
      fault: { code: 'INVALID' },
    });
    expect(parseRequest(raw({ ...event, type: 'x' })).fault?.message).toContain('must be dev.entrepot.request.pull.v1');
    expect(parseRequest(raw({ ...event, specversion: '0.3' })).fault).not.toBeNull();
  });

  it('gives what cannot be an id one made of it, the same each time', () => {
    const [first, again, other] = ['a\u0000', 'a\u0000', 'b\u0000'].map((id) => parseRequest(raw({ ...event, id })));
    expect(first?.requestId).toMatch(/^unfit-[0-9a-f]{32}$/);
    expect(first?.requestId).toBe(again?.requestId);
    expect(first?.requestId).not.toBe(other?.requestId);
    expect(first?.fault?.message).toContain('control characters');
    expect(parseRequest(raw({ ...event, id: 'x'.repeat(257) })).fault).not.toBeNull();
  });

  it.each([
    ['', 'empty'],
    ['{', 'cannot be read'],
    ['null', 'must be a JSON object'],
    ['"pull"', 'must be a JSON object'],
    ['{"a":1,"a":2}', 'twice'],
    [`{"a":${'['.repeat(20)}${']'.repeat(20)}}`, 'nested deeper'],
  ])('cannot name an operation of %j', (text, says) => {
    expect(() => parseRequest(raw(text))).toThrow(PoisonMessage);
    expect(() => parseRequest(raw(text))).toThrow(says);
  });

  it('refuses what is larger than any request', () => {
    expect(() => parseRequest(raw(' '.repeat(70_000)))).toThrow('70000 bytes');
  });

  it('refuses what is not UTF-8', () => {
    expect(() => parseRequest(raw('', { bytes: Uint8Array.of(0x7b, 0xff, 0x7d) }))).toThrow('not UTF-8');
  });

  it.each([
    'entrepot.request',
    'entrepot.request.',
    'entrepot.request.push',
    'entrepot.request.toString',
    'entrepot.request.pull.',
    'entrepot.request.pull.a.b',
    'other.pull',
  ])('cannot name an operation published to %s', (subject) => {
    expect(() => parseRequest(raw({}, { subject }))).toThrow(PoisonMessage);
  });

  it('gives a request or poison for any bytes at all, and nothing else', () => {
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    void fc.assert(
      fc.property(any, fc.option(fc.string(), { nil: undefined }), (bytes, messageId) => {
        try {
          expect(parseRequest(raw('', { bytes, messageId })).requestId.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(PoisonMessage);
        }
      }),
    );
  });
});
