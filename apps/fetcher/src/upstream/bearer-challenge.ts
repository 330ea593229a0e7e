/** One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1): the scheme and the names of its parameters in lowercase. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface BearerChallenge {
  readonly realm: string;
  readonly service?: string;
  readonly scope?: string;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`^(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))[ \\t]*(?:,[ \\t]*|$)`);
const SCHEME = new RegExp(`^(${TOKEN})(?:[ \\t]+|,[ \\t]*|$)`);
const LONGEST_HEADER = 16 * 1024;

/** Reads as far as the header can be read; what comes after that is passed over. */
export function parseChallenges(header: string | undefined): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = (header ?? '').slice(0, LONGEST_HEADER).trim();
  while (rest !== '') {
    const parameter = PARAMETER.exec(rest);
    const current = challenges.at(-1);
    const scheme = parameter === null ? SCHEME.exec(rest) : null;
    if (parameter !== null && current !== undefined) {
      current.parameters[parameter[1]!.toLowerCase()] ??= parameter[2]?.replace(/\\(.)/g, '$1') ?? parameter[3] ?? '';
    } else if (scheme !== null) {
      challenges.push({ scheme: scheme[1]!.toLowerCase(), parameters: Object.create(null) });
    }
    const read = (parameter ?? scheme)?.[0];
    if (read === undefined) break;
    rest = rest.slice(read.length);
  }
  return challenges;
}

/** The bearer challenge (distribution, token authentication specification), if there is one with a realm. */
export function bearerChallenge(challenges: readonly Challenge[]): BearerChallenge | undefined {
  const found = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm);
  if (found === undefined) return undefined;
  const { realm = '', service, scope } = found.parameters;
  return { realm, ...(service === undefined ? {} : { service }), ...(scope === undefined ? {} : { scope }) };
}

export function asksBasic(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ scheme }) => scheme === 'basic');
}
