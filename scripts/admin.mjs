// `npm run admin -- COMMAND`: sets up what is due, then becomes the command. What it answers is all there is on stdout.
import { checkNode } from './check-node.mjs';

checkNode();
void import('./run-program.mjs').then(({ runProgram }) => runProgram('admin.js', (line) => console.error(line)));
