import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choose, parseDate, parseOffset, type StillTags, stillMetadata, videoMetadata } from './capture-date.ts';

const zone = 'Europe/Berlin';
const uploadedAt = Date.parse('2026-12-01T10:00:00Z');
const mtime = Date.parse('2023-08-20T22:30:00Z');

function chooseStill(tags: StillTags, told: number | null = mtime) {
  return choose({ metadata: stillMetadata(tags), mtime: told, uploadedAt, zone });
}

test('a picture with its offset is at that moment, on the clock where it was taken', () => {
  const tags = { dateTimeOriginal: '2024:12:31 23:30:15', offsetTimeOriginal: '-05:00', subSecTimeOriginal: '25' };
  expect(chooseStill(tags)).toEqual({
    at: Date.parse('2025-01-01T04:30:15.250Z'),
    local: '2024-12-31T23:30:15',
    from: 'metadata',
  });
});

test('a picture without an offset is read in the zone of the box', () => {
  expect(chooseStill({ dateTimeOriginal: '2024:07:01 00:30:00' })).toEqual({
    at: Date.parse('2024-06-30T22:30:00Z'),
    local: '2024-07-01T00:30:00',
    from: 'metadata',
  });
});

test('an offset that stands with the same wall clock elsewhere in the file is used', () => {
  const tags = { dateTimeOriginal: '2014:09:21 16:00:56', xmpDateTimeOriginal: '2014-09-21T16:00:56.000000+09:00' };
  expect(chooseStill(tags).at).toBe(Date.parse('2014-09-21T07:00:56Z'));
});

test('dates are preferred in their order, and one that is nonsense gives way to the next', () => {
  const tags = {
    dateTimeOriginal: '2020:01:02 03:04:05',
    dateTimeDigitized: '2020:01:03 00:00:00',
    xmpDateTimeOriginal: '2020-01-04',
    xmpDateCreated: '2020-01-05',
    xmpCreateDate: '2020-01-06',
    gpsDate: '2020:01:07',
    gpsTime: '22:33:44.5',
  };
  const bad = '0000:00:00 00:00:00';
  const locals = Object.keys(tags)
    .filter((name) => name !== 'gpsTime')
    .map((_, index, names) => {
      const spoiled = Object.fromEntries(names.slice(0, index).map((name) => [name, bad]));
      return chooseStill({ ...tags, ...spoiled }).local;
    });
  expect(locals).toEqual([
    '2020-01-02T03:04:05',
    '2020-01-03T00:00:00',
    '2020-01-04T00:00:00',
    '2020-01-05T00:00:00',
    '2020-01-06T00:00:00',
    '2020-01-07T23:33:44', // GPS is UTC, shown on the box's clock.
  ]);
});

test.each([
  '0000:00:00 00:00:00',
  '1904:01:01 00:00:00',
  '1970:01:01 00:00:00',
  '1899:12:31 23:59:59',
  '2028:01:01 00:00:00',
  '2024:02:30 12:00:00',
  '2024:13:01 12:00:00',
  '2024:06:01 24:00:00',
  '    :  :     :  :  ',
  'yesterday',
])('%s is not believed', (dateTimeOriginal) => {
  expect(chooseStill({ dateTimeOriginal })).toEqual({ at: mtime, local: '2023-08-21T00:30:00', from: 'file-time' });
});

test('the time of the last change counts only when there is no believable file time', () => {
  const tags = { dateTime: '2019:05:05 05:05:05' };
  expect(chooseStill(tags).from).toBe('file-time');
  expect(chooseStill(tags, null)).toMatchObject({ local: '2019-05-05T05:05:05', from: 'metadata' });
});

test.each([
  ['none', null],
  ['zero', 0],
  ['before 1970', -1000],
  ['zero in another zone', 3_600_000],
  ['the zero of FAT', Date.parse('1980-01-01T00:00:00+02:00')],
  ['more than two days ahead', uploadedAt + 2 * 86_400_000 + 1],
  ['no number', Number.NaN],
])('a file time that is %s gives way to the upload', (_, told) => {
  expect(choose({ mtime: told, uploadedAt, zone })).toEqual({
    at: uploadedAt,
    local: '2026-12-01T11:00:00',
    from: 'upload-time',
  });
});

test.each([
  ['1970', 0],
  ['2024', Date.parse('2024-03-01T00:00:00Z')],
])('a box whose clock says %s believes no fewer dates', (_, wrong) => {
  const metadata = stillMetadata({ dateTimeOriginal: '2026:10:20 10:00:00' });
  expect(choose({ metadata, mtime, uploadedAt: wrong, zone })).toMatchObject({ local: '2026-10-20T10:00:00' });
  const told = Date.parse('2026-10-20T10:00:00Z');
  expect(choose({ mtime: told, uploadedAt: wrong, zone })).toMatchObject({ at: told, from: 'file-time' });
});

test('a date ahead of the clock of the box is better than the time of the upload, and than nothing else', () => {
  const tags = { dateTimeOriginal: '2031:07:01 10:00:00' };
  expect(chooseStill(tags, null)).toMatchObject({ local: '2031-07-01T10:00:00', from: 'metadata' });
  expect(chooseStill(tags).from).toBe('file-time');
  expect(chooseStill({ ...tags, dateTime: '2019:05:05 05:05:05' }, null).local).toBe('2019-05-05T05:05:05');
  expect(chooseStill({ dateTimeOriginal: '2099:12:31 23:59:59' }, null).from).toBe('metadata');
  expect(chooseStill({ dateTimeOriginal: '2100:01:01 00:00:00' }, null).from).toBe('upload-time');
  // In Berlin that moment is in 2100.
  const film = videoMetadata({ creationTimes: ['2099-12-31T23:30:00Z'] });
  expect(choose({ metadata: film, mtime: null, uploadedAt, zone }).from).toBe('upload-time');
});

test('a file time in fractions becomes whole milliseconds', () => {
  expect(choose({ mtime: mtime + 0.75, uploadedAt, zone }).at).toBe(mtime);
});

test('creation_time of a video is UTC, shown on the clock of the box', () => {
  const metadata = videoMetadata({ creationTimes: ['2022-12-31T23:30:00.000000Z'] });
  expect(choose({ metadata, mtime, uploadedAt, zone })).toEqual({
    at: Date.parse('2022-12-31T23:30:00Z'),
    local: '2023-01-01T00:30:00',
    from: 'metadata',
  });
});

test('the creation date of QuickTime has its own offset and wins', () => {
  const metadata = videoMetadata({
    creationTimes: ['2022-08-14T11:12:40.000000Z'],
    quickTimeCreationDate: '2022-08-14T20:12:31+0900',
  });
  expect(choose({ metadata, mtime, uploadedAt, zone })).toMatchObject({
    at: Date.parse('2022-08-14T11:12:31Z'),
    local: '2022-08-14T20:12:31',
  });
});

test('the zero of QuickTime and a year alone are no dates of a video', () => {
  const metadata = videoMetadata({ creationTimes: ['1904-01-01T00:00:00.000000Z'], date: '2019' });
  expect(choose({ metadata, mtime, uploadedAt, zone }).from).toBe('file-time');
});

test('XMP forms', () => {
  const wall = (local: string, fractionMs = 0, offsetMinutes?: number) => ({
    local,
    fractionMs,
    offsetMinutes,
    lastResort: false,
  });
  expect(parseDate('1965')).toEqual(wall('1965-01-01T00:00:00'));
  expect(parseDate('1965-07')).toEqual(wall('1965-07-01T00:00:00'));
  expect(parseDate('2024-02-29T12:34')).toEqual(wall('2024-02-29T12:34:00'));
  expect(parseDate('2024-02-29T12:34:56.7-03:30')).toEqual(wall('2024-02-29T12:34:56', 700, -210));
  expect(parseDate('2024-02-29T12:34:56.7899Z')).toEqual({ utc: Date.parse('2024-02-29T12:34:56.789Z') });
  expect(parseDate('2024:02:29 12:34:56\0\0')).toEqual(wall('2024-02-29T12:34:56'));
  expect(parseDate('2023-02-29')).toBeUndefined();
  expect(parseDate('20240229')).toBeUndefined();
  expect(parseDate('2024-02-29T12:34:56 or so')).toBeUndefined();
  expect(parseDate(undefined)).toBeUndefined();
});

test('offsets', () => {
  expect(['+02:00', '-0330', 'Z', '+14:00'].map(parseOffset)).toEqual([120, -210, 0, 840]);
  expect(['', '+15:00', '+02:75', 'CEST', '   :  ', undefined].map(parseOffset)).toEqual(Array(6).fill(undefined));
});

test('whatever a file says, there is a date with a legal year and a well-formed clock', () => {
  const told = fc.option(
    fc.oneof(
      fc.string(),
      fc
        .tuple(fc.integer({ min: 0, max: 9999 }), fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99))
        .map(([year, ...rest]) => {
          const [month, day, hour, minute, second] = rest.map((part) => String(part).padStart(2, '0'));
          return `${String(year).padStart(4, '0')}:${month}:${day} ${hour}:${minute}:${second}`;
        }),
    ),
    { nil: undefined },
  );
  const tags = fc.record({
    dateTimeOriginal: told,
    offsetTimeOriginal: told,
    subSecTimeOriginal: told,
    xmpCreateDate: told,
    gpsDate: told,
    gpsTime: told,
    dateTime: told,
  });
  fc.assert(
    fc.property(tags, fc.option(fc.double()), (still, fileTime) => {
      const date = choose({ metadata: stillMetadata(still), mtime: fileTime, uploadedAt, zone });
      expect(date.local).toMatch(/^(19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d$/);
      expect(Number.isSafeInteger(date.at)).toBe(true);
    }),
  );
});
