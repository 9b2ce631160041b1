import { Globe, TriangleAlert } from 'lucide';
import type { ComponentChildren } from 'preact';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useAsk } from '../ask/use-ask.ts';
import { photos } from '../text/en/photos.ts';
import { bytes, localClock, localDay, minutesAndSeconds, moment } from '../text/format.ts';
import { CouldNotLoad, Pill, Skeleton } from '../ui/parts.tsx';

type Asset = ReplyOf<'GET /api/assets/:id'>;

/** All that the box knows of one file. */
export function Details({ id }: { id: number }) {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/assets/:id', { params: { id }, signal }), [id]);
  if (answer === undefined) {
    if (refusal !== undefined) return <CouldNotLoad refusal={refusal} again={() => void again()} />;
    return <Skeleton height="22rem" />;
  }
  return <Facts asset={answer} />;
}

function Facts({ asset }: { asset: Asset }) {
  const { width, height, durationMs, capturedFrom, phones, other } = asset;
  const how = photos.takenBy[capturedFrom];
  const pixels = width !== null && height !== null ? photos.pixels(width, height) : undefined;
  return (
    <>
      {asset.fromBrowser && (
        <div class="pv-note">
          <Pill look="quiet" icon={Globe}>
            {photos.fromBrowser}
          </Pill>
          <p class="cap">{photos.fromBrowserText}</p>
        </div>
      )}
      {asset.incomplete !== null && (
        <div class="pv-note">
          <Pill look="watch" icon={TriangleAlert}>
            {photos.incomplete[asset.incomplete]}
          </Pill>
        </div>
      )}
      {asset.refusal !== null && <p class="pv-note">{asset.refusal.reason}</p>}
      <dl class="pv-facts">
        <Fact name={photos.name}>{asset.name}</Fact>
        <Fact name={photos.taken}>
          {localDay(asset.capturedLocal, 0)}, <span class="num">{localClock(asset.capturedLocal)}</span>
          {how !== undefined && <span class="cap"> {how}</span>}
        </Fact>
        <Fact name={photos.size}>
          {pixels !== undefined && <span class="num">{pixels}, </span>}
          {bytes(asset.size)}
        </Fact>
        {durationMs !== null && (
          <Fact name={photos.length}>
            <span class="num">{minutesAndSeconds(durationMs)}</span>
          </Fact>
        )}
        {other !== null && (
          <Fact name={photos.otherHalf}>
            {other.name}, {bytes(other.size)}
          </Fact>
        )}
        {phones.length > 0 && (
          <Fact name={photos.fromPhones}>
            {phones.map(({ phone, name, path }) => (
              <span class="pv-line" key={`${phone}${path}`}>
                {name === '' ? photos.forgottenPhone : name} <span class="cap">{path}</span>
              </span>
            ))}
          </Fact>
        )}
        <Fact name={photos.cameIn}>{moment(asset.addedAt, boxNow())}</Fact>
        <Fact name={photos.folder}>
          <span class="mono">{asset.path}</span>
        </Fact>
        <Fact name={photos.checksum}>
          <span class="mono">{asset.sha256}</span>
        </Fact>
      </dl>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt class="cap">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
