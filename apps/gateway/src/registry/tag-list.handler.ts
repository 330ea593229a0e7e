import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Calls } from '#calls/calls';
import { ListTags } from '#contracts/calls/manifests';
import { invalidField, nameUnknown } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import { isTag } from '#oci/tag';
import type { AskedRepository } from './name-repository';
import { REGISTRY_VERSION, sendAnswer } from './send-answer';

/** The largest page, and the page where the client names none. */
const LARGEST_PAGE = 1000;
const DEFAULT_PAGE = 100;

/** Tags that are held, in byte order; an upstream's own list is never asked. */
@Injectable()
export class TagListHandler {
  constructor(private readonly calls: Calls) {}

  /** `name` is the repository's as the client spelt it, `path` the request's. */
  async answer(
    repository: AskedRepository,
    { name, path, query }: { name: RepositoryName; path: string; query: URLSearchParams },
    reply: FastifyReply,
  ): Promise<void> {
    const limit = pageSize(once(query, 'n'));
    const after = lastTag(once(query, 'last'));
    const { found, tags, more } = await this.calls.ask(ListTags, { repository: repository.name, limit, ...after });
    if (!found) throw nameUnknown(name);
    const next = limit > 0 && more ? { Link: `<${nextPage(path, query, limit, tags.at(-1)!)}>; rel="next"` } : {};
    const body = JSON.stringify({ name, tags });
    sendAnswer(reply, 200, { 'Content-Type': 'application/json', ...REGISTRY_VERSION, ...next }, body);
  }
}

/** Two readers of one address must not take different ones. Throws INVALID. */
function once(query: URLSearchParams, name: string): string | null {
  const given = query.getAll(name);
  if (given.length > 1) throw invalidField(name, 'must be given once');
  return given[0] ?? null;
}

function nextPage(path: string, query: URLSearchParams, limit: number, last: string): string {
  const next = new URLSearchParams(query);
  next.set('n', String(limit));
  next.set('last', last);
  return `${path}?${next}`;
}

/** More than the largest page is the largest page: the Link says that there is more. */
function pageSize(n: string | null): number {
  if (n === null) return DEFAULT_PAGE;
  if (!/^[0-9]+$/.test(n)) throw invalidField('n', 'must be a whole number of tags, 0 or more');
  return Math.min(Number(n), LARGEST_PAGE);
}

/** A tag that does not exist is a place in the order all the same; what can be no tag is refused. */
function lastTag(last: string | null): { after?: string } {
  if (last === null || last === '') return {};
  if (!isTag(last)) throw invalidField('last', 'must be a tag: 1 to 128 letters, digits, "_", "." or "-"');
  return { after: last };
}
