import { parseImageConfig } from './image-config';
import { mergeRunConfig } from './merge-run-config';
import { type RunOverrides, RunOverridesSchema } from './run-overrides';

const ID = '0123456789abcdef'.repeat(4);
const image = (config: object) => parseImageConfig(Buffer.from(JSON.stringify({ config }))).config;
const merged = (config: object, own: RunOverrides = {}) =>
  mergeRunConfig(image(config), RunOverridesSchema.parse(own), ID);

const COMMAND = { Entrypoint: ['/entry'], Cmd: ['serve'] };

describe('what a container runs', () => {
  it('of an image that says nothing is nothing but its host name', () => {
    expect(merged({})).toEqual({
      entrypoint: [],
      cmd: [],
      env: [],
      labels: {},
      exposedPorts: [],
      volumes: [],
      user: '',
      workingDir: '',
      stopSignal: '',
      stopTimeout: null,
      hostname: '0123456789ab',
      domainname: '',
      tty: false,
      openStdin: false,
      healthcheck: null,
    });
  });

  it.each<[string, RunOverrides, string[], string[]]>([
    ['nothing', {}, ['/entry'], ['serve']],
    ['a cmd', { cmd: ['sh'] }, ['/entry'], ['sh']],
    ['an empty cmd', { cmd: [] }, ['/entry'], ['serve']],
    ['an entrypoint', { entrypoint: ['/mine'] }, ['/mine'], []],
    ['both', { entrypoint: ['/mine'], cmd: ['sh'] }, ['/mine'], ['sh']],
    ['an empty entrypoint', { entrypoint: [] }, [], ['serve']],
    ['an entrypoint of nothing', { entrypoint: [''] }, [], []],
    ['an entrypoint of nothing and a cmd', { entrypoint: [''], cmd: ['sh'] }, [], ['sh']],
  ])('with %s', (_what, own, entrypoint, cmd) => {
    expect(merged(COMMAND, own)).toMatchObject({ entrypoint, cmd });
  });

  it('has its own variables first, then those of the image that it does not say by key', () => {
    const env = ['B=mine', 'GONE', 'NEW=a=b'];
    expect(merged({ Env: ['A=1', 'B=2', 'GONE=3'] }, { env }).env).toEqual([...env, 'A=1']);
  });

  it('has labels, ports and volumes beside the image’s, once each', () => {
    const config = {
      Labels: { a: '1', b: '2' },
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Volumes: { '/data': {} },
    };
    const own = { labels: { b: 'mine' }, exposedPorts: ['80', '443/tcp'], volumes: ['/cache', '/data'] };
    expect(merged(config, own)).toMatchObject({
      labels: { a: '1', b: 'mine' },
      exposedPorts: ['443/tcp', '53/udp', '80/tcp'],
      volumes: ['/cache', '/data'],
    });
  });

  it('takes each part of a health check that it does not say from the image’s', () => {
    const Healthcheck = { Test: ['CMD', 'true'], Interval: 30e9, Timeout: 1e9, Retries: 3 };
    expect(merged({ Healthcheck }, {}).healthcheck).toEqual({
      ...{ test: ['CMD', 'true'], intervalMs: 30_000, timeoutMs: 1000, retries: 3 },
    });
    expect(merged({ Healthcheck }, { healthcheck: { test: [], intervalMs: 5000, retries: 0 } }).healthcheck).toEqual({
      ...{ test: ['CMD', 'true'], intervalMs: 5000, timeoutMs: 1000, retries: 3 },
    });
    expect(merged({ Healthcheck }, { healthcheck: { test: ['NONE'] } }).healthcheck).toMatchObject({ test: ['NONE'] });
    expect(merged({}, { healthcheck: { test: ['NONE'] } }).healthcheck).toEqual({ test: ['NONE'] });
  });

  it('takes text of its own in place of the image’s, unless it is empty', () => {
    const config = { User: 'node', WorkingDir: '/app', StopSignal: 'SIGINT' };
    expect(merged(config, { user: '' })).toMatchObject({ user: 'node', workingDir: '/app', stopSignal: 'SIGINT' });
    expect(merged({ WorkingDir: '/app/./x/../' }, {})).toMatchObject({ workingDir: '/app/./x/../' });
    expect(merged(config, { user: '0:0', workingDir: '/srv/../x//y/', stopSignal: '9' })).toMatchObject({
      ...{ user: '0:0', workingDir: '/x/y', stopSignal: '9' },
    });
  });

  it('reads nothing from fields of the wrong type', () => {
    const config = {
      Env: 'A=1',
      Cmd: { 0: 'sh' },
      Labels: ['a'],
      Healthcheck: { Test: 'CMD', Interval: '5' },
      User: 5,
    };
    expect(merged(config)).toMatchObject({ env: [], cmd: [], labels: {}, user: '', healthcheck: {} });
  });
});
