import { RegistryError } from '#oci/registry-error';

const LENGTH_BYTES = 4;

/** The frame of both bindings: the JSON's length (32 bits, big endian), the JSON, then the raw bytes if there are any. */
export function encodeMessage(message: object): Buffer {
  const { bytes, ...fields } = message as { bytes?: Uint8Array };
  const json = Buffer.from(JSON.stringify(fields));
  const head = Buffer.alloc(LENGTH_BYTES + 1);
  head.writeUInt32BE(json.length);
  head[LENGTH_BYTES] = bytes ? 1 : 0;
  return Buffer.concat(bytes ? [head, json, bytes] : [head, json]);
}

/** Reverses `encodeMessage`; the bytes are a view of the frame. */
export function decodeMessage(frame: Buffer): Record<string, unknown> {
  const start = LENGTH_BYTES + 1;
  const end = frame.length < start ? Number.POSITIVE_INFINITY : start + frame.readUInt32BE();
  if (end > frame.length) throw new RegistryError('INTERNAL', 'an internal message was cut short');
  const fields = JSON.parse(frame.toString('utf8', start, end)) as Record<string, unknown>;
  return frame[LENGTH_BYTES] === 1 ? { ...fields, bytes: frame.subarray(end) } : fields;
}
