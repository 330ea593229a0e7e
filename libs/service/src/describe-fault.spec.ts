import { StartFault } from '#config/start-fault';
import { unavailable } from '#oci/registry-error';
import { describeFault } from './describe-fault';

test('what a person can act on is told in its own words, without a stack', () => {
  expect(describeFault(new StartFault('the disk is full'))).toBe('the disk is full');
  expect(describeFault(unavailable('storage'))).toBe('storage is not available at the moment');
});

test('anything else is a fault of ours, and told with its stack', () => {
  expect(describeFault(new Error('odd'))).toMatch(/^Error: odd\n\s+at /);
  expect(describeFault('odd')).toBe('odd');
});
