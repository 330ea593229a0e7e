import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUSE } from './planted-tree';

const NAMES = 'ENTREPOT_SECRET POSTGRES_PASSWORD NATS_PASSWORD MINIO_PASSWORD NATS_ISSUER_SEED NATS_ISSUER'.split(' ');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entrepot-secrets-'));
  mkdirSync(join(folder, 'deploy'));
  cpSync(join(HOUSE, 'deploy/secrets.sh'), join(folder, 'deploy/secrets.sh'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, '.env');
const run = (path = process.env.PATH) => spawnSync('sh', ['deploy/secrets.sh'], { cwd: folder, env: { PATH: path } });

function settings(): Record<string, string> {
  const lines = readFileSync(file(), 'utf8').trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2) as [string, string]));
}

describe('the secrets of Compose', () => {
  it('are added to what somebody wrote there, although the last line does not end', () => {
    writeFileSync(file(), 'NATS_PASSWORD=mine\nGATEWAY_PORT=5051');
    expect(run().status).toBe(0);
    expect(settings()).toMatchObject({ NATS_PASSWORD: 'mine', GATEWAY_PORT: '5051' });
    for (const name of NAMES) expect(settings()[name]).toMatch(/^.{4,}$/);
    expect(run().status).toBe(1);
  });

  it('are never empty: without openssl none is written, and one that is empty is made', () => {
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    const linked = 'for tool in sh dirname grep tail od tr sed cut cat; do ln -s "$(command -v $tool)" "$0"; done';
    expect(spawnSync('sh', ['-c', linked, tools]).status).toBe(0);
    expect(run(tools).status).not.toBe(0);
    expect(existsSync(file()) ? settings() : {}).toEqual({});
    writeFileSync(file(), 'ENTREPOT_SECRET=\n');
    expect(run().status).toBe(0);
    expect(settings().ENTREPOT_SECRET).toMatch(/^[\w+/]{43}=$/);
  });
});
