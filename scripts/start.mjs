// `npm start`: sets up what is due, then becomes the program. One process, so that signals and exit codes are the program's own.
import { checkNode } from './check-node.mjs';

checkNode();
void import('./run-program.mjs').then(({ runProgram }) => runProgram('main.js', (line) => console.log(line)));
