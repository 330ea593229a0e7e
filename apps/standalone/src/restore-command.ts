import { resolve } from 'node:path';
import { loadBackup } from '#apps/metadata/src/backup/load-backup';
import { verifyBackup } from '#apps/metadata/src/backup/read-backup';
import { type Command, MisusedCommand } from './command';
import { withIdleDatabase } from './with-database';

export const restoreCommand: Command = {
  usage: `restore FILE [--check]
  fills an empty database with what a backup holds, or leaves it empty; everything is stopped meanwhile;
  --check only reads the file, and says whether it is whole`,

  async run(args, env, say) {
    const [file, ...rest] = args.filter((arg) => arg !== '--check');
    if (file === undefined || file.startsWith('-') || rest.length > 0) throw new MisusedCommand('');
    const path = resolve(file);
    if (args.includes('--check')) {
      const { header, rows } = await verifyBackup(path);
      say(`${path} is whole: ${rows} rows of ${header.madeAt}`);
      return 0;
    }
    const { header, rows, migrated } = await withIdleDatabase(env, (url) => loadBackup(url, path));
    say(`restored ${rows} rows of ${header.madeAt}`);
    if (migrated) say(`database migrated from schema ${migrated.from} to ${migrated.to}`);
    return 0;
  },
};
