import { type Metadata, openMetadata } from '../metadata.testing';
import { readOperationPage } from '../operation/operation-page';

/** Twelve operations and twelve containers of a megabyte each, and two small ones after them. */
const FILL = `
  INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, accepted_at, ended_at)
    SELECT gen_random_uuid(), 'p', n::text, '', 'pull',
      jsonb_build_object('n', n, 'x', CASE WHEN n > 2 THEN repeat('x', 1048576) ELSE '' END),
      'completed', now() - n * interval '1 minute', now() FROM generate_series(1, 14) n;
  INSERT INTO repository (name) VALUES ('team/app');
  INSERT INTO manifest (digest, media_type, kind, bytes) VALUES ('sha256:' || repeat('a', 64), 'a/b', 'image', '{}');
  INSERT INTO repository_manifest (repository_id, digest) SELECT id, 'sha256:' || repeat('a', 64) FROM repository;
  INSERT INTO container (id, name, repository_id, digest, state, principal, created_at, labels)
    SELECT md5('a' || n) || md5('b' || n), 'c' || n, repository.id, 'sha256:' || repeat('a', 64), 'created', 'p',
      now() - n * interval '1 minute', jsonb_build_object('x', CASE WHEN n > 2 THEN repeat('x', 1048576) ELSE '' END)
    FROM repository, generate_series(1, 14) n`;

type Page = { readonly names: readonly string[]; readonly next: string | null };

describe('a page of a list', () => {
  let metadata: Metadata;

  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.database.read(FILL);
  });
  afterAll(() => metadata?.stop());

  const operations = async (after: string | undefined): Promise<Page> => {
    const { rows, next } = await readOperationPage(metadata.database, { principal: 'p' as never, after, limit: 10 });
    return { names: rows.map(({ body }) => `c${(body as { n: number }).n}`), next };
  };
  const containers = async (after: string | undefined): Promise<Page> => {
    const { containers, next } = await metadata.containers.list({ labels: [], after, limit: 10 });
    return { names: containers.map(({ name }) => name), next };
  };

  it.each([
    ['operations', operations],
    ['containers', containers],
  ] as const)('of large %s is short, and the next ones have the others, each once', async (_, read) => {
    const pages: Page[] = [];
    do pages.push(await read(pages.at(-1)?.next ?? undefined));
    while (pages.at(-1)!.next !== null);
    expect(pages.map(({ names }) => names.length)).toEqual([6, 4, 4]);
    expect(pages.flatMap(({ names }) => names)).toEqual(Array.from({ length: 14 }, (_, n) => `c${n + 1}`));
  });
});
