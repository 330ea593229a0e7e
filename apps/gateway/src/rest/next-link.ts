/** RFC 8288: the next page of a list, by the address of this one; nothing on the last page. */
export function nextLink(url: string, next: string | null): { Link?: string } {
  if (next === null) return {};
  const [path, query] = url.split('?', 2);
  const asked = new URLSearchParams(query);
  asked.set('after', next);
  return { Link: `<${path}?${asked}>; rel="next"` };
}
