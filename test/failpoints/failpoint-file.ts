import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { sides, sourceSteps } from './source-points';

/** What is to happen at a point, as ENTREPOT_FAILPOINTS has it. */
export type Actions = Readonly<Record<string, string>>;

/** Tells a program that runs what to do at which point; at all others it says that it passes them. */
export class FailpointFile {
  private readonly points = sourceSteps().flatMap(({ step }) => sides(step));

  private constructor(private readonly folder: string) {}

  static async make(): Promise<FailpointFile> {
    return new FailpointFile(await tempFolder('failpoints'));
  }

  private get path(): string {
    return join(this.folder, 'failpoints');
  }

  get setting(): string {
    return `file:${this.path}`;
  }

  async write(actions: Actions): Promise<void> {
    const points = [...new Set([...this.points, ...Object.keys(actions)])];
    await writeFile(`${this.path}.new`, points.map((point) => `${point}=${actions[point] ?? 'say'}`).join(';'));
    await rename(`${this.path}.new`, this.path);
  }

  async remove(): Promise<void> {
    await removeFolder(this.folder);
  }
}
