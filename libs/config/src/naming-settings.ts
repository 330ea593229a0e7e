import { z } from 'zod';
import { quoteText } from '#oci/quote-text';

const LABEL = '[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?';
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]+\\])(?::[0-9]{1,5})?$`);

/** Hosts separated by commas, in lowercase. */
const hosts = () =>
  z
    .string()
    .default('')
    .transform((text) => text.split(',').map((host) => host.trim().toLowerCase()))
    .transform((list) => list.filter((host) => host !== ''))
    .superRefine((list, context) => {
      for (const host of list.filter((each) => !HOST.test(each))) {
        context.addIssue(`must be hosts such as registry.lan or registry.lan:5050, and has ${quoteText(host)}`);
      }
    });

/** What every service must read alike that tells upstreams' repositories from local ones. */
export const NAMING_SETTINGS = {
  ENTREPOT_HOSTS: hosts().describe(
    'our own hosts (host:port), separated by commas: names under which clients reach us, and which no upstream can have',
  ),
  ENTREPOT_UPSTREAM_HOSTS: hosts().describe(
    'upstreams whose host has no dot (registry:5000), separated by commas; a name that begins with registry_5000 is then theirs',
  ),
};
