import { LastingFault } from './lasting-fault';

test('a fault that lasts is said once a minute; another one, and the same after it was over, at once', () => {
  const said: string[] = [];
  let now = 0;
  const fault = new LastingFault({ warn: (message: string) => said.push(message) }, () => now);
  for (now = 0; now < 60_000; now += 500) fault.warn('away');
  expect(said).toEqual(['away']);
  fault.warn('away');
  expect(said).toEqual(['away', 'away']);
  fault.warn('full');
  fault.over();
  fault.warn('full');
  expect(said).toEqual(['away', 'away', 'full', 'full']);
});
