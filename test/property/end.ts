import type { How } from './how';
import type { Life } from './life';
import { REPOSITORIES, takeTag } from './model';
import { readImage } from './steps/pull';
import { leap } from './steps/time';
import { DAY } from './times';

const PLAINLY: How = { by: 'a', death: null };

/** All there is is read, then nothing is wanted any more; and when all windows have passed, nothing is left. */
export async function endLife(life: Life): Promise<void> {
  const { model, names, warehouse } = life;
  for (const name of REPOSITORIES)
    for (const [tag, image] of model.repositories[name].tags)
      for (const side of ['a', 'b'] as const) await readImage(life, { name, tag, image }, side);
  await life.compare();
  for (const { name, reported } of [...model.containers]) {
    if (reported) continue;
    model.containers = model.containers.filter((each) => each.name !== name);
    const body = { container: name, force: true };
    await life.ask({ kind: 'container-remove', body, expected: { state: 'completed' } }, PLAINLY);
  }
  for (const name of REPOSITORIES) {
    const repository = model.repositories[name];
    for (const tag of [...repository.tags.keys()]) {
      takeTag(repository, tag);
      const body = { reference: names.text({ by: 'tag', repository: name, tag }) };
      await life.ask({ kind: 'untag', body, expected: { state: 'completed' } }, PLAINLY);
    }
  }
  model.at = await warehouse.clock.now();
  await life.compare();
  await leap(life, 40 * DAY, false);
  await life.compare();
  await life.checkRuns();
  expect(await life.left()).toEqual({});
}
