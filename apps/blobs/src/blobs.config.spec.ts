import { BlobsConfigSchema } from './blobs.config';

const KEYS = { ENTREPOT_STORE: 'minio', ENTREPOT_S3_ACCESS_KEY: 'a', ENTREPOT_S3_SECRET_KEY: 'b' };
const PUBLIC = { ...KEYS, ENTREPOT_S3_PUBLIC_ENDPOINT: 'https://s3.example.com' };
const HOURS = 3_600_000;

const faultsOf = (settings: Record<string, string>) =>
  BlobsConfigSchema.safeParse(settings).error?.issues.map(({ path, message }) => `${path}: ${message}`) ?? [];

describe('a public address of the storage', () => {
  test('is not there unless it is set, and then nothing more is asked of the grace', () => {
    expect(faultsOf(KEYS)).toEqual([]);
    expect(BlobsConfigSchema.parse(KEYS).ENTREPOT_S3_PUBLIC_ENDPOINT).toBeUndefined();
  });

  test('needs a grace as long as a link lives and the longest download takes', () => {
    const least = 6 * HOURS + 300_000 + 60_000 + 2 * 900_000;
    expect(faultsOf(PUBLIC)).toEqual([expect.stringMatching(`^ENTREPOT_GRACE_MS: must be at least ${least} `)]);
    expect(faultsOf({ ...PUBLIC, ENTREPOT_GRACE_MS: String(least - 1) })).toHaveLength(1);
    expect(faultsOf({ ...PUBLIC, ENTREPOT_GRACE_MS: String(least) })).toEqual([]);
    const short = { ENTREPOT_S3_LINK_MS: '60000', ENTREPOT_S3_LONGEST_DOWNLOAD_MS: '480000' };
    expect(faultsOf({ ...PUBLIC, ...short, ENTREPOT_GRACE_MS: '2400000' })).toEqual([]);
  });

  test('is nothing for a folder', () => {
    const folder = { ENTREPOT_S3_PUBLIC_ENDPOINT: 'https://s3.example.com', ENTREPOT_GRACE_MS: String(7 * HOURS) };
    expect(faultsOf(folder)).toEqual([expect.stringContaining('ENTREPOT_STORE=minio')]);
  });

  test.each(['s3.example.com', 'ftp://s3.example.com', 'https://s3.example.com/bucket', 'https://a:b@s3.example.com'])(
    '%s is no such address',
    (ENTREPOT_S3_PUBLIC_ENDPOINT) => {
      expect(faultsOf({ ...PUBLIC, ENTREPOT_GRACE_MS: String(7 * HOURS), ENTREPOT_S3_PUBLIC_ENDPOINT })).toEqual([
        expect.stringMatching(/^ENTREPOT_S3_PUBLIC_ENDPOINT: /),
      ]);
    },
  );

  test.each(['http://10.0.0.1:9000', 'https://s3.example.com/', 'http://[fd00::1]:9000'])('%s is', (endpoint) => {
    const settings = { ...PUBLIC, ENTREPOT_GRACE_MS: String(7 * HOURS), ENTREPOT_S3_PUBLIC_ENDPOINT: endpoint };
    expect(faultsOf(settings)).toEqual([]);
  });
});
