import { writeBackup } from '#apps/metadata/src/backup/write-backup';
import { type Command, MisusedCommand } from './command';
import { withDatabase } from './with-database';

export const backupCommand: Command = {
  usage: `backup FOLDER-OR-FILE
  copies the database, as it is at one moment, into a file, while everything works; into a folder under a name with the
  time; bytes of images are not in it: they are in the store`,

  async run(args, env, say) {
    const [target, more] = args;
    if (target === undefined || target.startsWith('-') || more !== undefined) throw new MisusedCommand('');
    const { path, rows, bytes } = await withDatabase(env, (url) => writeBackup(url, target, new Date()));
    say(`${path}: ${rows} rows, ${bytes} bytes`);
    return 0;
  },
};
