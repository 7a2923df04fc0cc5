// What a text costs: GSM 03.38's alphabet by 3GPP TS 23.038, read here anew and not asked of the bridge.

const BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION = "\f^{}\\[~]|€"; // two units each

export function measure(text) {
  const characters = [...text];
  const odd = [...new Set(characters.filter((one) => !BASIC.includes(one) && !EXTENSION.includes(one)))];
  const encoding = odd.length > 0 ? "UCS-2" : "GSM-7";
  const widths = characters.map((one) => (odd.length > 0 ? one.length : EXTENSION.includes(one) ? 2 : 1));
  const units = widths.reduce((sum, width) => sum + width, 0);
  const [single, each] = odd.length > 0 ? [70, 67] : [160, 153];
  if (units <= single) return { encoding, units, segments: units > 0 ? 1 : 0, odd };
  let segments = 1;
  let used = 0;
  for (const width of widths) {
    if (used + width > each) { // no character is split over two
      segments += 1;
      used = 0;
    }
    used += width;
  }
  return { encoding, units, segments, odd };
}

export function cost(text) {
  const { encoding, segments, odd } = measure(text);
  const why = odd.length > 0 ? ` because of ${odd.slice(0, 5).join(" ")}${odd.length > 5 ? " …" : ""}` : "";
  return `${segments} segment${segments === 1 ? "" : "s"}, ${encoding}${why}`;
}
