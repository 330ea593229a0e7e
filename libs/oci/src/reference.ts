import { type Digest, isDigest, parseDigest } from './digest';
import { quoteText } from './quote-text';
import { nameInvalid, RegistryError } from './registry-error';
import { brokenPathRule } from './repository-name';
import { parseTag, type Tag } from './tag';

export const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DEFAULT_DOMAIN = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const DEFAULT_TAG = 'latest' as Tag;

/** No host name, path, tag and digest together come near it. */
const LONGEST_REFERENCE = 1024;

const LABEL = '[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*';
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;

/** What names an image, with every default but the tag filled in: `domain` as typed (port included), `path` at most 255 characters. */
export interface Reference {
  readonly domain: string;
  readonly path: string;
  readonly tag?: Tag;
  readonly digest?: Digest;
}

export type AnyReference = { kind: 'digest'; digest: Digest } | { kind: 'reference'; reference: Reference };

/**
 * Reads a reference exactly as Docker does (ParseNormalizedNamed): `nginx` is `docker.io/library/nginx`; tag and digest are both kept.
 * Throws NAME_INVALID or DIGEST_INVALID, naming the rule that is broken.
 */
export function parseReference(text: string): Reference {
  refuseForeignText(text);
  const { domain, remainder } = splitDomain(text);
  const [named, digest] = cut(remainder, '@');
  const [path, tag] = cut(named, ':');
  if (!DOMAIN.test(domain))
    throw invalid(text, `${quoteText(domain)} is no registry host (host, or IPv6 in brackets, then :port)`);
  const rule = brokenPathRule(path);
  if (rule !== undefined) throw invalid(text, `the repository ${rule}`);
  return {
    domain,
    path,
    ...(tag === undefined ? {} : { tag: parseTag(tag) }),
    ...(digest === undefined ? {} : { digest: parseDigest(digest) }),
  };
}

/** Docker's ParseAnyReference: a bare image ID or digest is a digest, all else a reference. */
export function parseAnyReference(text: string): AnyReference {
  if (IDENTIFIER.test(text)) return { kind: 'digest', digest: `sha256:${text}` as Digest };
  if (isDigest(text)) return { kind: 'digest', digest: text };
  return { kind: 'reference', reference: parseReference(text) };
}

/** Adds the tag `latest` where there is neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: DEFAULT_TAG } : reference;
}

/** What Docker pulls (ParseDockerRef): the digest alone where there are both, `latest` where there is neither. */
export function dockerReference(reference: Reference): Reference {
  const { domain, path, digest } = reference;
  return digest === undefined ? withDefaultTag(reference) : { domain, path, digest };
}

/** The canonical spelling: `parseReference` gives the same reference back. */
export function formatReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/**
 * The short spelling that Docker shows: `nginx` for `docker.io/library/nginx`.
 * Docker shortens even where the result names something else (`docker.io/localhost/app`); here it always reads back as the same reference.
 */
export function familiarReference(reference: Reference): string {
  const short = `${familiarPath(reference)}${suffix(reference)}`;
  const { domain, remainder } = splitDomain(short);
  const same = domain === reference.domain && remainder === `${reference.path}${suffix(reference)}`;
  return same && !IDENTIFIER.test(short) ? short : formatReference(reference);
}

/** Where a name's registry ends and its path begins, with Docker Hub's names made whole. */
export function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  if (slash === -1) return { domain: DEFAULT_DOMAIN, remainder: OFFICIAL_PREFIX + text };
  const first = text.slice(0, slash);
  if (!looksLikeDomain(first)) return { domain: DEFAULT_DOMAIN, remainder: text };
  const { domain, path } = wholeHubName(first, text.slice(slash + 1));
  return { domain, remainder: path };
}

/** Docker Hub has two names and an unwritten `library/`; every other registry is as it is written. */
export function wholeHubName(domain: string, path: string): { domain: string; path: string } {
  if (domain !== DEFAULT_DOMAIN && domain !== LEGACY_DEFAULT_DOMAIN) return { domain, path };
  return { domain: DEFAULT_DOMAIN, path: path.includes('/') ? path : OFFICIAL_PREFIX + path };
}

function looksLikeDomain(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
}

function familiarPath({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const official = path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : '';
  return official !== '' && !official.includes('/') ? official : path;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** What people paste that is no reference at all, each with its remedy. */
function refuseForeignText(text: string): void {
  if (text === '') throw invalid(text, 'must not be empty');
  if (text.length > LONGEST_REFERENCE) throw invalid(text, `must have at most ${LONGEST_REFERENCE} characters`);
  if (/\s/.test(text)) throw invalid(text, 'must not contain spaces or line breaks');
  if (/^[a-z]+:\/\//i.test(text)) throw invalid(text, 'must not have a scheme: write registry.example/name, not a URL');
  if (withoutUser(text) !== text) throw invalid(text, 'must not carry a user or a password: log in instead');
  if (IDENTIFIER.test(text))
    throw invalid(text, 'is an image ID, not a name: write sha256:<hex> where a digest is meant');
}

function invalid(text: string, rule: string): RegistryError {
  return nameInvalid(withoutUser(text), rule);
}

/** Text before an `@` that no digest follows may be a password: it must not come back in an error, nor be kept. */
export function withoutUser(text: string): string {
  const digest = text.search(/@(?:sha\d+:[^/@]*|[a-z0-9+._-]+:[0-9a-f]{32,})?$/i);
  const at = text.slice(0, digest === -1 ? text.length : digest).lastIndexOf('@');
  return at === -1 ? text : `***${text.slice(at)}`;
}
