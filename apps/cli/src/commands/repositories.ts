import { type Command, Option } from 'commander';
import { RepositorySchema } from '#contracts/calls/names';
import { type Desk, doing, limitOption, sayMore, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatMoment } from '../format-time';
import { showList, tableOf } from '../show';
import type { Terminal } from '../terminal';

interface RepositoryOptions {
  readonly kind?: string;
  readonly upstream?: string;
  readonly private?: boolean;
  readonly public?: boolean;
  readonly limit?: number;
}

export function addRepositories(program: Command, terminal: Terminal): void {
  const command = program
    .command('repositories')
    .summary('list repositories')
    .description('List repositories, with what was counted of each.')
    .argument('[name]', 'only those that match: docker.io/library/*, team/*')
    .addOption(new Option('--kind <kind>', "only our own, or only upstreams'").choices(['local', 'upstream']))
    .option('--upstream <host>', 'only those of this registry, such as docker.io')
    .addOption(new Option('--private', 'only those that were fetched with a credential').conflicts('public'))
    .option('--public', 'only the others')
    .addOption(limitOption())
    .action(doing<RepositoryOptions>(terminal, listRepositories));
  withExamples(command, [["entrepot repositories 'team/*'", 'our own ones below team']]);
}

async function listRepositories(desk: Desk, [name]: readonly string[], options: RepositoryOptions): Promise<void> {
  const { kind, upstream, limit } = options;
  const isPrivate = options.private ? 'true' : options.public ? 'false' : undefined;
  const query = { name, kind, upstream, private: isPrivate };
  const { all, more } = await desk.warehouse.list(RepositorySchema, '/api/v1/repositories', query, limit);
  const now = Date.now();
  const face = tableOf<(typeof all)[number]>(
    [
      { title: 'REPOSITORY', text: (at) => at.name },
      { title: 'MANIFESTS', right: true, text: ({ counted }) => String(counted?.manifests ?? '') },
      { title: 'TAGS', right: true, text: ({ counted }) => String(counted?.tags ?? '') },
      { title: 'SIZE', right: true, text: ({ counted }) => (counted ? formatSize(counted.bytes) : '') },
      { title: 'UNIQUE', right: true, text: ({ counted }) => (counted ? formatSize(counted.uniqueBytes) : '') },
      { title: 'LAST PULL', text: ({ counted }) => formatMoment(counted?.pulledAt, now) },
    ],
    (at) => [at.name],
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}
