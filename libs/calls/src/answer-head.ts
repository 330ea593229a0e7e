/** The head of an answer, as far as anybody here looks at it. */
export interface AnswerHead {
  readonly status: number;
  /** By their names in small letters; what came twice is joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body; null where they are told in another way than by their number. */
  readonly length: number | null;
  /** Whether another request may follow on the same connection. */
  readonly stays: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD =
  /^([!#$%&'*+\-.^_`|~\dA-Za-z]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?[ \t]*$/;
const BODILESS = new Set([204, 304]);

/**
 * Parses the head of an answer to GET, without the empty line that ends it (RFC 9112). Stricter than one must be: a line
 * that two readers could understand in two ways is an error, not a guess. Throws what is wrong.
 */
export function parseAnswerHead(text: string): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n');
  const [, minor, digits] = STATUS_LINE.exec(first) ?? [];
  if (digits === undefined) throw new Error('the answer is not HTTP/1.1');
  const headers = parseFields(lines);
  const status = Number(digits);
  const stays = minor === '1' && !/\bclose\b/i.test(headers.connection ?? '');
  return { status, headers, length: status < 200 ? null : lengthOf(status, headers), stays };
}

function parseFields(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (name === undefined) throw new Error('a line of the head of the answer is no field');
    const key = name.toLowerCase();
    const before = headers[key];
    if (before !== undefined && key === 'content-length') throw new Error('the answer says its length twice');
    headers[key] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}

function lengthOf(status: number, headers: Readonly<Record<string, string>>): number | null {
  const { 'content-length': said, 'transfer-encoding': coding } = headers;
  if (coding !== undefined) {
    if (said !== undefined) throw new Error('the answer says its length in two ways');
    return null;
  }
  if (said !== undefined && !/^\d{1,15}$/.test(said)) throw new Error('the length of the answer is no number');
  if (BODILESS.has(status)) return 0;
  return said === undefined ? null : Number(said);
}
