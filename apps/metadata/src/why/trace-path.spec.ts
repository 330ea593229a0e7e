import type { Link } from '../review/keep-reasons';
import { tracePaths } from './trace-path';

const link = (below: string, above: string, via: Link['via'] = 'index'): Link => ({ below, above, via });

describe('the way down from what is above', () => {
  it('of itself it is the thing alone', () => {
    expect([...tracePaths([], 'a')]).toEqual([['a', [{ digest: 'a', via: 'root' }]]]);
  });

  it('is the shortest, and says how each step leads to the next', () => {
    const links = [link('a', 'b'), link('b', 'c', 'subject'), link('a', 'd'), link('d', 'e'), link('e', 'c')];
    expect(tracePaths(links, 'a').get('c')).toEqual([
      { digest: 'c', via: 'root' },
      { digest: 'b', via: 'subject' },
      { digest: 'a', via: 'index' },
    ]);
  });

  it('ends where things keep each other in a circle', () => {
    const paths = tracePaths([link('a', 'b'), link('b', 'a', 'subject')], 'a');
    expect([...paths.keys()]).toEqual(['a', 'b']);
  });
});
