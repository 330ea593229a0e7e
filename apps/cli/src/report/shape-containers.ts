import { createHash } from 'node:crypto';
import type { ReportedContainer } from '#contracts/bodies/container-report';
import { isDigest } from '#oci/digest';
import type { SeenContainer } from './runtime';

/** As much of the labels of a container as is reported, in bytes: images may bring whole files in theirs. */
const MOST_OF_LABELS = 4096;
const LONGEST = { id: 256, name: 255, image: 512, label: 1024 };

/**
 * What was seen, made to fit a report: what one container has that no report may say costs that container its label or
 * the end of its name, never the others their place. Two of one id are the last of them.
 */
export function shapeContainers(seen: readonly SeenContainer[]): ReportedContainer[] {
  const byId = new Map(seen.map((container) => [shorten(container.id, LONGEST.id), container]));
  const names = new Set<string>();
  return [...byId].map(([id, container]) => {
    const wanted = shapeName(container.name);
    const name = names.has(wanted) ? ending(wanted, id, LONGEST.name) : wanted;
    names.add(name);
    return shape(container, id, name);
  });
}

function shape(
  { image, digest, state, labels, createdAt }: SeenContainer,
  id: string,
  name: string,
): ReportedContainer {
  const isTime = createdAt !== undefined && createdAt >= 0 && createdAt <= 8.64e15 / 100;
  return {
    ...{ id, name, state },
    image: shorten(image, LONGEST.image),
    ...(digest !== undefined && isDigest(digest) ? { digest } : {}),
    labels: shapeLabels(labels),
    ...(isTime ? { createdAt: new Date(createdAt).toISOString() } : {}),
  };
}

/** The shortest first, as far as they go in. */
function shapeLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const size = ([key, value]: [string, string]) => Buffer.byteLength(key) + Buffer.byteLength(value);
  const whole = Object.entries(labels).filter(([key, value]) => isStorable(key) && !/[\0\p{Cs}]/u.test(value));
  let left = MOST_OF_LABELS;
  const kept = whole
    .filter(([key]) => key.length <= LONGEST.label && key !== '__proto__')
    .sort((one, other) => size(one) - size(other) || (one[0] < other[0] ? -1 : 1))
    .filter((label) => {
      left -= size(label);
      return left >= 0;
    });
  return Object.fromEntries(kept);
}

function shapeName(name: string): string {
  const plain = name.replace(/[^a-zA-Z0-9_./-]/g, '-').replace(/^[^a-zA-Z0-9]+/, '');
  if (plain === '') return `c${hash(name)}`;
  return plain.length <= LONGEST.name ? plain : ending(plain, name, LONGEST.name);
}

function shorten(text: string, longest: number): string {
  const plain = text.replace(/[\p{Cc}\p{Cs}]/gu, '-');
  return plain !== '' && plain === text && plain.length <= longest ? plain : ending(plain, text, longest);
}

/** Its beginning, and what tells it from others that begin the same. */
const ending = (text: string, whole: string, longest: number) =>
  `${text.slice(0, longest - 13).replace(/\p{Cs}$/u, '')}-${hash(whole)}`;

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
const isStorable = (text: string) => text !== '' && !/[\p{Cc}\p{Cs}]/u.test(text);
