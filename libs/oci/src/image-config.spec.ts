import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { parseImageConfig } from './image-config';

describe('an image config', () => {
  it('says what the image is, how it runs and how it came to be', () => {
    expect(parseImageConfig(readFileSync(join(__dirname, '../testdata/image-config.json')))).toEqual({
      created: '2024-05-02T10:20:30.123456789Z',
      author: 'Ada <ada@example.com>',
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      config: {
        user: '1000:1000',
        exposedPorts: ['8080/tcp', '53/udp'],
        env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'GREETING=hello'],
        entrypoint: ['/bin/serve'],
        cmd: ['--port', '8080'],
        volumes: ['/data'],
        workingDir: '/srv',
        labels: { 'org.opencontainers.image.source': 'https://example.com/serve' },
        stopSignal: 'SIGTERM',
        shell: [],
        healthcheck: { Test: ['CMD', '/bin/serve', '--check'], Interval: 30_000_000_000 },
      },
      rootfs: { diffIds: [expect.stringMatching(/^sha256:/), expect.stringMatching(/^sha256:/)] },
      history: [
        { created: '2024-05-01T00:00:00Z', createdBy: '/bin/sh -c #(nop) ADD file:1 in / ', emptyLayer: false },
        { created: '2024-05-02T10:20:30Z', createdBy: 'ENV GREETING=hello', emptyLayer: true },
        {
          created: '2024-05-02T10:20:30Z',
          createdBy: 'COPY serve /bin/serve # buildkit',
          comment: 'buildkit.dockerfile.v0',
          emptyLayer: false,
        },
      ],
    });
  });

  it('is read as far as it can be', () => {
    const odd =
      '{"os":1,"config":{"Env":["A=1",2],"Labels":{"a":"b","c":1},"Cmd":null,"User":[]},"rootfs":[],"history":[null,{"empty_layer":"x"}]}';
    expect(parseImageConfig(Buffer.from(odd))).toMatchObject({
      os: '',
      config: { env: ['A=1'], labels: { a: 'b' }, cmd: [], user: undefined },
      rootfs: { diffIds: [] },
      history: [{ emptyLayer: false }, { emptyLayer: false }],
    });
  });

  it.each(['', 'text', '[]', 'null', '1', '{', '\u0000'])('is not %j', (text) => {
    expect(() => parseImageConfig(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
  });

  it('never fails on an object, whatever its fields hold', () => {
    const field = fc.constantFrom(
      'os',
      'architecture',
      'created',
      'config',
      'rootfs',
      'history',
      'variant',
      '__proto__',
    );
    const nested = fc.dictionary(
      fc.constantFrom('Env', 'Labels', 'Volumes', 'diff_ids', 'created_by', '__proto__'),
      fc.jsonValue(),
    );
    return fc.assert(
      fc.property(fc.dictionary(field, fc.oneof(fc.jsonValue(), nested, fc.array(nested))), (config) => {
        expect(parseImageConfig(Buffer.from(JSON.stringify(config)))).toHaveProperty('config.env');
      }),
      { numRuns: 500 },
    );
  });
});
