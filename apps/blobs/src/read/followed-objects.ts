import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ReadObject } from '#contracts/calls/sessions';
import { FOLLOW_SUBJECT, FollowSchema } from '#contracts/follow';
import { Bus } from '#messaging/bus';
import { gone, isRegistryError } from '#oci/registry-error';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { FollowedObject, type ObjectView } from './followed-object';
import { RemoteTails } from './remote-tails';

const FIRST_POLL_MS = 100;
/** A follower that was not heard of for so many of its polls follows no more. */
const MISSED_POLLS = 3;

interface Entry {
  readonly followed: FollowedObject;
  writers: number;
  poll: NodeJS.Timeout | null;
  /** Somebody reads all of it, and so may have what is not committed. */
  tailWanted: boolean;
}

/** The objects that are being written and that somebody in this process writes or follows. */
@Injectable()
export class FollowedObjects implements OnModuleInit, OnModuleDestroy {
  private readonly log = new Logger('Blobs');
  private readonly entries = new Map<string, Entry>();
  private unsubscribe = () => {};

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    private readonly tails: RemoteTails,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {}

  onModuleInit(): void {
    this.unsubscribe = this.bus.subscribe(FOLLOW_SUBJECT, (said) => this.heard(said));
  }

  onModuleDestroy(): void {
    this.unsubscribe();
    for (const entry of this.entries.values()) if (entry.poll) clearTimeout(entry.poll);
  }

  /**
   * A reader begins to follow, all of it or a stretch; it must `unfollow`. While anybody does, the rows are asked with a
   * gentle back-off.
   */
  follow(object: string, view: ObjectView, whole: boolean): FollowedObject {
    const entry = this.entry(object, view);
    entry.followed.learn(view);
    entry.followed.followers += 1;
    entry.tailWanted ||= whole;
    this.sayFollowing(entry.followed);
    this.reachTail(entry);
    if (!entry.poll) this.pollLater(entry, FIRST_POLL_MS);
    return entry.followed;
  }

  /** A reader on another replica follows what is written here, until the function that it answers is called. */
  attach(followed: FollowedObject): () => void {
    const isFirst = !followed.isFollowed(performance.now());
    followed.followers += 1;
    if (isFirst) followed.tail?.hurry();
    return () => this.unfollow(followed);
  }

  unfollow(followed: FollowedObject): void {
    followed.followers -= 1;
    this.dropUnused(followed.id);
  }

  /** A writer of this process begins; it must `leave`. */
  write(object: string, view: ObjectView): FollowedObject {
    const entry = this.entry(object, view);
    entry.followed.learn(view);
    entry.writers += 1;
    return entry.followed;
  }

  leave(followed: FollowedObject): void {
    const entry = this.entries.get(followed.id);
    if (entry) entry.writers -= 1;
    this.dropUnused(followed.id);
  }

  /** The object, if anybody here writes or follows it. */
  find(object: string): FollowedObject | null {
    return this.entries.get(object)?.followed ?? null;
  }

  private entry(object: string, view: ObjectView): Entry {
    const known = this.entries.get(object);
    if (known) return known;
    const entry: Entry = { followed: new FollowedObject(object, view), writers: 0, poll: null, tailWanted: false };
    this.entries.set(object, entry);
    return entry;
  }

  private dropUnused(object: string): void {
    const entry = this.entries.get(object);
    if (!entry || entry.followed.followers > 0) return;
    if (entry.poll) clearTimeout(entry.poll);
    entry.poll = null;
    entry.tailWanted = false;
    this.tails.leave(object);
    if (entry.writers <= 0) this.entries.delete(object);
  }

  /** A writer of this process knows its followers; one elsewhere is told, and told again as long as there are any. */
  private sayFollowing({ id, tail, settled }: FollowedObject): void {
    if (!tail && !settled) this.bus.publish(FOLLOW_SUBJECT, { object: id });
  }

  private heard(said: unknown): void {
    const { data } = FollowSchema.safeParse(said);
    const written = data && this.find(data.object);
    written?.followElsewhere(performance.now(), MISSED_POLLS * this.config.ENTREPOT_FOLLOW_POLL_MS);
  }

  /** When the tail ends, something has happened: the rows say what. */
  private reachTail(entry: Entry): void {
    if (!entry.tailWanted) return;
    this.tails.reach(entry.followed, () => {
      if (entry.poll === null || entry.followed.followers === 0) return;
      clearTimeout(entry.poll);
      this.pollLater(entry, 0);
    });
  }

  private pollLater(entry: Entry, delayMs: number): void {
    entry.poll = setTimeout(() => void this.poll(entry, delayMs), delayMs);
  }

  private async poll(entry: Entry, delayMs: number): Promise<void> {
    const { followed, poll } = entry;
    const before = followed.committed.length;
    try {
      followed.learn(await this.calls.ask(ReadObject, { object: followed.id }));
    } catch (error) {
      if (isRegistryError(error, 'BLOB_UNKNOWN')) followed.fail(gone('the upload that was being followed'));
      else this.log.warn(`cannot read object ${followed.id}, asking again: ${String(error)}`);
    }
    if (entry.poll !== poll) return;
    if (followed.settled || followed.failure || followed.followers === 0) {
      entry.poll = null;
      return;
    }
    this.sayFollowing(followed);
    this.reachTail(entry);
    const grew = followed.committed.length > before;
    this.pollLater(entry, grew ? FIRST_POLL_MS : Math.min(delayMs * 2, this.config.ENTREPOT_FOLLOW_POLL_MS));
  }
}
