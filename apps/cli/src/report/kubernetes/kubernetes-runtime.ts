import { z } from 'zod';
import { HttpPeer } from '../http-peer';
import type { Runtime, SeenContainer } from '../runtime';
import type { Cluster } from './cluster';
import { PodList, type Watching } from './pod-list';

const NamespaceSchema = z.object({ metadata: z.object({ uid: z.string().min(1).max(100) }) });
const WATCHING: Watching = { watchSeconds: 60, pauseMs: 1000 };

/** The pods of all namespaces of a cluster. */
export class KubernetesRuntime implements Runtime {
  readonly title: string;
  private readonly api: HttpPeer;
  private pods: PodList;

  constructor(
    cluster: Cluster,
    private readonly watching: Watching = WATCHING,
  ) {
    this.title = `the cluster at ${cluster.address}`;
    this.api = new HttpPeer(this.title, () => cluster.way());
    this.pods = new PodList(this.api, watching);
  }

  /** A cluster has no id of its own; this namespace is as old as it is, and cannot be removed. */
  async holder(signal: AbortSignal): Promise<string> {
    const { metadata } = await this.api.json(NamespaceSchema, '/api/v1/namespaces/kube-system', { signal });
    return `kubernetes:${metadata.uid}`;
  }

  changes(signal: AbortSignal): AsyncIterable<void> {
    this.pods = new PodList(this.api, this.watching);
    return this.pods.follow(signal);
  }

  async look(): Promise<SeenContainer[]> {
    return this.pods.containers;
  }
}
