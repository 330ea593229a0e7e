import { z } from 'zod';

/** A request somebody publishes: the subject is `entrepot.request.<verb>[.<principal>]`. */
export interface RequestDefinition<Body extends z.ZodObject = z.ZodObject> {
  readonly verb: string;
  /** The CloudEvents `type`. */
  readonly type: string;
  readonly body: Body;
  readonly summary: string;
}

/** A fact about one aggregate: the subject is `entrepot.fact.<aggregate>.<past participle>`. */
export interface FactDefinition<Data extends z.ZodObject = z.ZodObject> {
  readonly subject: string;
  /** The CloudEvents `type`; a change of meaning is a new type beside the old one. */
  readonly type: string;
  readonly data: Data;
  readonly summary: string;
}

export function defineRequest<Body extends z.ZodObject>(
  verb: string,
  summary: string,
  body: Body,
): RequestDefinition<Body> {
  return { verb, type: `dev.entrepot.request.${verb}.v1`, body, summary };
}

export function defineFact<Data extends z.ZodObject>(
  subject: `${'operation' | 'manifest' | 'tag' | 'image' | 'blob' | 'container' | 'gc'}.${string}`,
  summary: string,
  data: Data,
): FactDefinition<Data> {
  return { subject: `entrepot.fact.${subject}`, type: `dev.entrepot.fact.${subject}.v1`, data, summary };
}
