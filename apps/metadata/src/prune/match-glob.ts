type Wildcard = '?' | '*' | '**';
type Token = Wildcard | { readonly letter: string };

/** Whether a name fits a pattern: `?` is one letter and `*` any number of them, but no `/`; `**` is anything. */
export type Matches = (name: string) => boolean;

/**
 * All places where the pattern may stand are followed at once, so that it never goes back: the time is at most the
 * length of the pattern times that of the name.
 */
export function matchGlob(pattern: string): Matches {
  const tokens = readTokens(pattern);
  return (name) => {
    let places = closure(tokens, [0]);
    for (const letter of name) places = closure(tokens, step(tokens, places, letter));
    return places.has(tokens.length);
  };
}

function readTokens(pattern: string): Token[] {
  const parts = pattern.match(/\*+|[^*]/gs) ?? [];
  return parts.map((part) => (part === '?' || part === '*' ? part : part.startsWith('*') ? '**' : { letter: part }));
}

const isMany = (token: Token | undefined) => token === '*' || token === '**';

/** A wildcard for many may stand for none. */
function closure(tokens: readonly Token[], places: Iterable<number>): Set<number> {
  const all = new Set(places);
  for (const place of all) if (isMany(tokens[place])) all.add(place + 1);
  return all;
}

function* step(tokens: readonly Token[], places: ReadonlySet<number>, letter: string): Iterable<number> {
  for (const place of places) {
    const token = tokens[place];
    if (token === undefined || !takes(token, letter)) continue;
    yield isMany(token) ? place : place + 1;
  }
}

function takes(token: Token, letter: string): boolean {
  if (typeof token === 'object') return token.letter === letter;
  return token === '**' || letter !== '/';
}
