import * as errors from './registry-error';
import { fromErrorEnvelope, isOciErrorCode, isRegistryError, RegistryError, toErrorEnvelope } from './registry-error';

const overTheWire = (error: unknown) => fromErrorEnvelope(JSON.parse(JSON.stringify(toErrorEnvelope(error))));

describe('an error between processes', () => {
  it.each([
    errors.blobUnknown('sha256:x'),
    errors.nameInvalid('A', 'must be lowercase'),
    errors.tooManyRequests('slow down', 7),
    errors.unavailable('storage', 5),
    errors.conflict('in use', { containers: ['c1'] }),
    errors.stale('the epoch is lost', 4096),
    errors.rangeInvalid(10),
    errors.invalidField('tag', 'must not be empty'),
    errors.upstreamFault('docker.io', 'the digest does not match'),
    errors.sizeInvalid('a manifest', 10, 11),
    errors.timedOut('the fill'),
  ])('keeps its code, message, detail and pause: $code', (error) => {
    const arrived = overTheWire(error);
    expect(arrived).toBeInstanceOf(RegistryError);
    expect({ ...arrived, message: arrived.message }).toEqual({ ...error, message: error.message });
  });

  it('says nothing of a failure that is not ours, and never its cause', () => {
    const secret = new Error('password=hunter2 at /srv/app.ts');
    for (const error of [
      secret,
      'hunter2',
      undefined,
      errors.internalFault(secret),
      errors.unavailable('storage', 1, secret),
    ]) {
      expect(JSON.stringify(toErrorEnvelope(error))).not.toMatch(/hunter2|app\.ts/);
    }
    expect(toErrorEnvelope(secret).code).toBe('INTERNAL');
    expect(errors.internalFault(secret).cause).toBe(secret);
  });

  it('arrives without the detail that JSON cannot carry', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    for (const detail of [10n, circular, () => 1]) {
      expect(toErrorEnvelope(new RegistryError('CONFLICT', 'no', { detail }))).toEqual({
        code: 'CONFLICT',
        message: 'no',
      });
    }
  });

  it.each([undefined, null, 'text', {}, { code: 'FROM_A_LATER_VERSION', message: 'x' }, { code: 'DENIED' }, [1]])(
    'is INTERNAL where %j is no envelope',
    (json) => {
      expect(fromErrorEnvelope(json)).toMatchObject({ code: 'INTERNAL' });
    },
  );
});

describe('an error', () => {
  it('tells its codes apart', () => {
    const error: unknown = errors.blobUnknown('sha256:x');
    expect(isRegistryError(error)).toBe(true);
    expect(isRegistryError(error, 'BLOB_UNKNOWN', 'DENIED')).toBe(true);
    expect(isRegistryError(error, 'DENIED')).toBe(false);
    expect(isRegistryError(new Error('x'))).toBe(false);
    expect(isOciErrorCode('DENIED')).toBe(true);
    expect(isOciErrorCode('STALE')).toBe(false);
  });

  it('has the fourteen codes of the distribution specification, and no other as theirs', () => {
    expect([...errors.OCI_ERROR_CODES].sort()).toEqual(
      (
        'BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DENIED DIGEST_INVALID MANIFEST_BLOB_UNKNOWN ' +
        'MANIFEST_INVALID MANIFEST_UNKNOWN NAME_INVALID NAME_UNKNOWN SIZE_INVALID TOOMANYREQUESTS UNAUTHORIZED UNSUPPORTED'
      ).split(' '),
    );
  });

  it('is one short printable line, however hostile what it names', () => {
    const hostile = `\u001b[2J\r\nroot: all is well${'x'.repeat(1e6)}`;
    for (const error of [
      errors.blobUnknown(hostile),
      errors.blobUploadUnknown(hostile),
      errors.digestInvalid(hostile, 'rule'),
      errors.manifestBlobUnknown(hostile),
      errors.manifestUnknown(hostile),
      errors.nameInvalid(hostile, 'rule'),
      errors.nameUnknown(hostile),
      errors.tagInvalid(hostile, 'rule'),
      errors.upstreamFault(hostile, 'rule'),
      errors.invalidField(hostile, 'rule'),
    ]) {
      expect(error.message).toMatch(/^[\x20-\x7e]{1,400}$/);
      expect(JSON.stringify(error.detail).length).toBeLessThan(500);
    }
  });
});
