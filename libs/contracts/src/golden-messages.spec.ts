import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CloudEventSchema, FactEventSchema } from './cloud-event';
import { FACTS } from './facts';
import { REQUESTS } from './requests';

/**
 * One message of each type and version, as it was first sent. A file here is never changed to suit the code: what was
 * once published must be read for ever, so a change of meaning is a new type with a file of its own.
 */
const FOLDER = join(__dirname, '..', 'testdata');

type Json = Record<string, unknown>;

const golden = (type: string): Json => JSON.parse(readFileSync(join(FOLDER, `${type}.json`), 'utf8'));

/** The same value with a field that nobody knows in every object of it. */
function withNewField(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNewField);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, withNewField(field)]);
  return { ...Object.fromEntries(fields), fieldOfTomorrow: { since: 'v1.9' } };
}

describe('golden messages', () => {
  it('there is one file for each request and fact, and none besides', () => {
    const types = [...REQUESTS, ...FACTS].map(({ type }) => `${type}.json`);
    expect(readdirSync(FOLDER).sort()).toEqual(types.sort());
  });

  it.each(FACTS.map((fact) => [fact.subject, fact] as const))('%s is read as it was first sent', (_subject, fact) => {
    const event = FactEventSchema.parse(golden(fact.type));
    expect(event.type).toBe(fact.type);
    expect(fact.data.parse(event.data)).toEqual(event.data);
  });

  it.each(FACTS.map((fact) => [fact.subject, fact] as const))(
    '%s with fields that are not known yet is read without them',
    (_subject, fact) => {
      const event = FactEventSchema.parse(withNewField(golden(fact.type)));
      const known = fact.data.parse(event.data);
      expect(Object.keys(known).sort()).toEqual(Object.keys(golden(fact.type).data as Json).sort());
    },
  );

  it.each(REQUESTS.map((request) => [request.verb, request] as const))(
    'a %s is taken in as it was first sent, whatever else its envelope says',
    (_verb, request) => {
      const event = CloudEventSchema.parse({ ...golden(request.type), traceparent: '00-0af7651916cd43dd-01' });
      expect(event.type).toBe(request.type);
      expect(request.body.parse(event.data)).toEqual(event.data);
    },
  );

  it('a request with a field that is not known is refused by its name: a misspelt one would silently not count', () => {
    for (const { body, type } of REQUESTS) {
      const { error } = body.safeParse({ ...(golden(type).data as Json), refrence: 'alpine:3' });
      expect(error && z.prettifyError(error)).toContain('refrence');
    }
  });
});
