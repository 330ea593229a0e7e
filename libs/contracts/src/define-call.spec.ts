import { z } from 'zod';
import { BytesSchema, defineCall } from './define-call';

const none = z.object({});

test.each([
  ['a count', z.object({ bytes: z.number() })],
  ['a text', z.object({ bytes: z.string().optional() })],
])('a field named bytes travels raw: %s cannot have that name at the top', (_, schema) => {
  const refused = 'blobs.read-it: a field at the top level that is named bytes must be a BytesSchema';
  expect(() => defineCall('blobs.read-it', { question: none, answer: schema })).toThrow(refused);
  expect(() => defineCall('blobs.read-it', { question: schema, answer: none })).toThrow(refused);
});

test.each([
  ['raw bytes', z.object({ bytes: BytesSchema })],
  ['raw bytes or none', z.object({ bytes: BytesSchema.optional() })],
  ['a count further down', z.object({ of: z.object({ bytes: z.number() }) })],
])('%s may have it', (_, answer) => {
  expect(defineCall('blobs.read-it', { question: none, answer }).deadlineMs).toBe(10_000);
});
