import { spawn } from 'node:child_process';

/** Runs a program of node_modules and gives what it said, line by line, if it ended with anything but 0; else nothing. */
export function runTool(file, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    let text = '';
    for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (part) => (text += part));
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0 ? [] : text.trimEnd().split('\n')));
  });
}
