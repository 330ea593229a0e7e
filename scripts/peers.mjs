// Installs the real programs that the tests run against, each once, and uses what is there already.
// `node scripts/peers.mjs [name...]`; without names, all of them. Those that no package manager keeps go to
// ~/.cache/entrepot/peers, or to ENTREPOT_PEERS. With --find nothing is installed, and JSON says where each is.
import { fileURLToPath } from 'node:url';
import { findProgram, peersFolder } from './peers/find.mjs';
import { install } from './peers/install.mjs';
import { PEERS } from './peers/list.mjs';

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Gives the peers that are missing afterwards, each with the reason; tells what it does line by line. */
export function ensurePeers({ names = PEERS.map((peer) => peer.name), say = console.log } = {}) {
  const absent = PEERS.filter((peer) => names.includes(peer.name) && !findProgram(peer.name));
  say(`  ${names.length - absent.length} of ${names.length} peers are here already`);
  return absent.flatMap((peer) => (findProgram(peer.name) ? [] : tryToInstall(peer, say)));
}

function tryToInstall(peer, say) {
  const began = Date.now();
  say(`  ${peer.name}: ${peer.line} (${peer.takes})`);
  try {
    install(peer);
    say(`  ${peer.name}: ${findProgram(peer.name)}, ${seconds(began)}`);
    return [];
  } catch (error) {
    say(`  ${peer.name}: MISSING after ${seconds(began)}: ${error.message}`);
    return [{ name: peer.name, line: peer.line, reason: error.message }];
  }
}

const find = (names) =>
  PEERS.filter((peer) => names.includes(peer.name)).map(({ name, line }) => ({ name, line, path: findProgram(name) }));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2).filter((arg) => arg !== '--find');
  const unknown = names.filter((name) => !PEERS.some((peer) => peer.name === name));
  if (unknown.length > 0) {
    console.error(`no such peer: ${unknown.join(', ')}; there are ${PEERS.map((peer) => peer.name).join(' ')}`);
    process.exit(2);
  }
  if (process.argv.includes('--find')) {
    console.log(JSON.stringify(find(names)));
  } else {
    console.log(`Real peers, in ${peersFolder()} and on PATH:`);
    const missing = ensurePeers(names.length > 0 ? { names } : {});
    process.exitCode = missing.length > 0 ? 1 : 0;
  }
}
