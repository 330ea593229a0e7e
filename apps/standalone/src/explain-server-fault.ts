import { ChildFault } from '#children/child-process';
import { explainFolderFault } from '#config/explain-folder-fault';
import { StartFault } from '#config/start-fault';

/** What a person can do about a server that does not start on this data folder. Gives what it does not know as it is. */
export function explainServerFault(folder: string, error: unknown): unknown {
  if (!(error instanceof ChildFault)) return explainFolderFault('ENTREPOT_DATA', folder, error);
  const said = error.lines.join('\n');
  if (/no space left on device|disk quota exceeded/i.test(said))
    return explainFolderFault('ENTREPOT_DATA', folder, { code: 'ENOSPC' });
  const [, path, why] = /(\/[^":]*)"?: (permission denied|read-only file system)/i.exec(said) ?? [];
  if (path) {
    const code = /denied/i.test(why ?? '') ? 'EACCES' : 'EROFS';
    return explainFolderFault('ENTREPOT_DATA', folder, { code, path });
  }
  const [, user] = /could not look up effective user ID (\d+)/.exec(said) ?? [];
  if (!user) return error;
  return new StartFault(
    `Postgres needs a user with a name, and user ${user} has none. Add it to /etc/passwd, or set DATABASE_URL to use another Postgres.`,
  );
}
