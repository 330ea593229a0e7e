import { type ChildCommand, ChildFault, describeExit, spawnChild } from './child-process';

/** Runs a program with this input until it ends, and gives the last lines it wrote; throws ChildFault unless it ends with 0. */
export async function runToEnd(spec: ChildCommand, input = ''): Promise<string[]> {
  const child = await spawnChild(spec);
  child.open(input);
  const exit = await child.exited;
  await child.fellSilent;
  if (exit.code !== 0) throw new ChildFault(`${spec.name} failed (${describeExit(exit)}):`, child.lastLines());
  return child.lastLines();
}
