import { createHash } from 'node:crypto';
import type { SeenOperation } from './seen-operation';

export const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
export const OPERATION = '0b5e0d9e-0d52-4b6c-8a51-6f1c2f0f4b11';
const AT = '2026-01-31T12:00:00.000Z';

export function sampleOperation(more: Partial<Record<keyof SeenOperation, unknown>> = {}): SeenOperation {
  return {
    id: OPERATION,
    principal: 'anonymous',
    requestId: 'r',
    kind: 'pull',
    body: { reference: 'alpine:3' },
    state: 'accepted',
    attempts: 0,
    acceptedAt: AT,
    startedAt: null,
    endedAt: null,
    nextAttemptAt: null,
    image: null,
    bytesDone: 0,
    bytesTotal: 0,
    layers: [],
    error: null,
    outcome: null,
    ...more,
  } as SeenOperation;
}

export const completed = (outcome: object = {}, more: object = {}) =>
  sampleOperation({
    state: 'completed',
    endedAt: AT,
    image: { repository: 'docker.io/library/alpine', tag: '3', digest: digestOf('alpine') },
    outcome,
    ...more,
  });

export const sampleImage = (more: object = {}) => ({
  repository: 'docker.io/library/alpine',
  tags: ['3', 'latest'],
  digest: digestOf('alpine'),
  id: digestOf('alpine'),
  mediaType: 'application/vnd.oci.image.index.v1+json',
  size: 3_456_789,
  complete: true,
  platforms: ['linux/amd64'],
  createdAt: AT,
  pulls: 2,
  pulledAt: null,
  source: 'fetched',
  ...more,
});

export const sampleContainer = (more: object = {}) => ({
  id: 'c'.repeat(64),
  name: 'web',
  image: {
    repository: 'docker.io/library/nginx',
    digest: digestOf('nginx'),
    tag: '1',
    manifest: null,
    tagNames: digestOf('nginx 2'),
    moved: true,
    removed: false,
  },
  state: 'running',
  exitCode: null,
  labels: { team: 'web' },
  reporter: null,
  reportedId: null,
  principal: 'anonymous',
  createdAt: AT,
  startedAt: AT,
  finishedAt: null,
  changedAt: AT,
  ...more,
});
