import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { StartFault } from '#config/start-fault';
import { plainRule } from '#oci/plain-rule';
import { parseReference } from '#oci/reference';
import { parseStrictJson } from '#oci/strict-json';
import { brokenDomainRule } from '#oci/upstream-name';
import { checkCertificates } from './check-certificates';

const HostSchema = z.string().superRefine((host, context) => {
  const rule = brokenHostRule(host);
  if (rule !== undefined) context.addIssue({ code: 'custom', message: rule });
});

/** What the file is about can be an upstream's domain; hosts that one is contacted at need no repository name. */
const DomainSchema = HostSchema.superRefine((host, context) => {
  const rule = brokenDomainRule(host.toLowerCase());
  if (rule !== undefined) context.addIssue({ code: 'custom', message: rule });
});

const secret = z.string().min(1).max(16_384);

const CredentialSchema = z.union(
  [
    z.strictObject({ username: z.string().min(1).max(255), password: secret }),
    z.strictObject({ token: secret }),
    z.strictObject({ identityToken: secret }),
  ],
  'must be {username, password}, {token} (a bearer token) or {identityToken} (an OAuth2 refresh token)',
);

/** What may be said about one upstream. Certificate checks cannot be switched off: give the `ca` instead. */
const UpstreamEntrySchema = z
  .strictObject({
    at: HostSchema.optional().describe('contact it at this host instead'),
    plainHttp: z.boolean().default(false).describe('it speaks HTTP without TLS'),
    ca: z.string().min(1).optional().describe('PEM file of the authority that signed its certificate'),
    clientCert: z.string().min(1).optional().describe('PEM file of our certificate'),
    clientKey: z.string().min(1).optional().describe('PEM file of its key'),
    credential: CredentialSchema.optional(),
    tokenHosts: z
      .array(HostSchema)
      .default([])
      .describe('other hosts that may be sent the credential to make a token of it'),
    storageHosts: z
      .array(HostSchema)
      .default([])
      .describe('other hosts that it may send us to although their addresses are private'),
  })
  .refine((entry) => (entry.clientCert === undefined) === (entry.clientKey === undefined), {
    error: 'clientCert and clientKey go together',
  })
  .refine((entry) => !entry.plainHttp || (entry.ca ?? entry.clientCert) === undefined, {
    error: 'plainHttp cannot go with ca or clientCert: those are for TLS',
  });

const UpstreamFileSchema = z.record(DomainSchema, UpstreamEntrySchema).superRefine((entries, context) => {
  const seen = new Set<string>();
  for (const host of Object.keys(entries)) {
    if (seen.has(host.toLowerCase())) context.addIssue({ code: 'custom', path: [host], message: 'is there twice' });
    seen.add(host.toLowerCase());
  }
});

export type Credential = z.output<typeof CredentialSchema>;

/** PEM texts in place of paths. */
export interface ConfiguredUpstream
  extends Omit<z.output<typeof UpstreamEntrySchema>, 'ca' | 'clientCert' | 'clientKey'> {
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/**
 * Reads the file of upstreams: `{"docker.io": {"credential": {...}}, "registry.lan:5000": {"plainHttp": true}}`.
 * Paths in it are relative to it. Throws StartFault with every fault by name, and never a value, which may be a secret.
 */
export async function readUpstreamFile(path: string): Promise<Record<string, ConfiguredUpstream>> {
  const entries = parseUpstreams(await readText(path, `ENTREPOT_UPSTREAMS: cannot read ${path}`), path);
  const upstreams: Record<string, ConfiguredUpstream> = {};
  for (const [host, { ca, clientCert, clientKey, ...entry }] of Object.entries(entries)) {
    const pem = async (field: string, file: string | undefined) => {
      if (file === undefined) return {};
      const fault = `ENTREPOT_UPSTREAMS: ${host}.${field}: cannot read ${file}`;
      return { [field]: await readText(resolve(dirname(path), file), fault) };
    };
    const pems = [await pem('ca', ca), await pem('clientCert', clientCert), await pem('clientKey', clientKey)];
    const upstream = Object.assign({ ...entry }, ...pems) as ConfiguredUpstream;
    checkCertificates(host, upstream);
    upstreams[host.toLowerCase()] = upstream;
  }
  return upstreams;
}

/**
 * The upstreams of the file, and those without a dot that the settings name: the gateway reads the same setting, and
 * both must agree on whose a name is. Throws StartFault where they would not.
 */
export function configuredUpstreams(
  entries: Readonly<Record<string, ConfiguredUpstream>>,
  dotless: readonly string[],
): Map<string, ConfiguredUpstream> {
  const broken = dotless.flatMap((host) => {
    const rule = brokenDomainRule(host) ?? (isDotless(host) && !host.includes(':') ? 'must have a port' : undefined);
    return rule === undefined ? [] : [`ENTREPOT_UPSTREAM_HOSTS: ${host} ${rule}`];
  });
  if (broken.length > 0) throw new StartFault(broken.join('\n'));
  const unnamed = Object.keys(entries).filter((host) => isDotless(host) && !dotless.includes(host));
  if (unnamed.length > 0) {
    const hosts = unnamed.join(', ');
    throw new StartFault(
      `ENTREPOT_UPSTREAM_HOSTS: must name ${hosts} too, since the file of ENTREPOT_UPSTREAMS does: without a dot it is an upstream only where every service is told so`,
    );
  }
  const plain = Object.fromEntries(dotless.map((host) => [host, UpstreamEntrySchema.parse({}) as ConfiguredUpstream]));
  return new Map(Object.entries({ ...plain, ...entries }));
}

function isDotless(host: string): boolean {
  return !host.includes('.') && !/^localhost(?::|$)/.test(host) && !host.startsWith('[');
}

function parseUpstreams(text: string, path: string): z.output<typeof UpstreamFileSchema> {
  const json = parseText(text, path);
  const { success, data, error } = UpstreamFileSchema.safeParse(json, { error: plainRule });
  if (success) return data;
  const faults = error.issues.map((issue) => `  ${issue.path.join('.') || 'the file'}: ${faultOf(issue)}`);
  throw new StartFault([`ENTREPOT_UPSTREAMS: ${path} has faults:`, ...faults].join('\n'));
}

function parseText(text: string, path: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    throw new StartFault(`ENTREPOT_UPSTREAMS: ${path}: ${(error as SyntaxError).message}`);
  }
}

function faultOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

function brokenHostRule(host: string): string | undefined {
  const rule = 'must be a host as a reference spells it, such as docker.io or registry.lan:5000';
  try {
    return parseReference(`${host}/a/b`).domain === host && URL.canParse(`https://${host}`) ? undefined : rule;
  } catch {
    return rule;
  }
}

async function readText(path: string, fault: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new StartFault(`${fault} (${(error as NodeJS.ErrnoException).code})`);
  }
}
