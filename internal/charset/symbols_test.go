package charset

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// symbolTexts are plain English, or all but, with the characters that
// windows-1252 has beyond the letters. Whatever else reads their bytes as
// letters must not have them.
var symbolTexts = []string{
	"Copyright © 2024", "Copyright © 2024 Northfield Trading Ltd. All rights reserved.", "(c) © Smith & Sons", "© 2019", "©2019 Acme", "<footer>&copy; © Acme Inc.</footer>",
	"Windows®", "Windows® and Office® are trademarks", "Made by Acme® Inc.", "Registered ® symbol", "Lego®, the toy", "PaperFox™", "PaperFox™ Pro",
	"£24.99", "Price: £24.99", "£5", "It costs £100 per month", "only £ 30", "from £4.50 to £7.95", "¥1000", "¥ 1,200 per night", "5¢", "a 25¢ coin", "99¢ store", "€25", "25 €", "25€ off", "Total: 1.250,00 €", "20 € per person",
	"10×20 cm", "10 × 20 cm", "a 3×3 grid", "1920×1080", "6 ÷ 2 = 3", "5.0 ±0.1", "5 ± 1", "±5%", "12±3 mm", "tolerance ± 0.05 mm",
	"25°C", "25 °C", "90° angle", "temperature of 20° outside", "180° turn", "N 51° 30'", "Nº 5", "1º", "2ª", "n.º 12", "1ª", "10² = 100", "m²", "25 m²", "a room of 25 m² in size", "x³ + y²", "cm³", "10¹", "5 µm", "100 µF", "µg", "10 µs per call",
	"½ cup", "1½ cups of flour", "¼ inch", "¾ of all", "3¼ x 5½ inches", "2½",
	"§ 5", "see § 4 of the terms", "§5.2", "§§ 3-7", "¶ 3", "paragraph ¶", "· item", "one · two · three", "Home » News", "« Back", "Back « Home » Next", "» Read more", "«quoted»", "« quoted »",
	"“quoted”", "He said “no” and left.", "it’s", "It’s a nice day, isn’t it?", "don’t", "‘single’", "the ‘real’ thing", "1990–2000", "yes – no", "well—maybe", "a – b", "wait…", "…and so on", "wait… what?", "• item", "• first\n• second\n", "– item\n– other\n",
	"¡Hola!", "¿Que?", "¿Donde vas?", "¡Viva!", "ª", "º", "¦", "a ¦ b", "¬x", "if ¬p then q", "¨", "¯\\_(o)_/¯", "´", "¸", "ˆ", "˜", "†", "‡ see note", "name† and other‡", "5‰", "3 ‰ of all", "‹ prev", "next ›", "‹ back ›",
	"100% cotton © by the maker of fine goods since 1893, £12 each, 3½ oz, 20°C",
	"The price is £5, or €6, or ¥900, and that’s “final” – no discount…",
}

// foreignTexts are English with a word or name from another language.
var foreignTexts = []string{
	"crème", "a crème brûlée", "I would like some crème with that", "in août", "the month of août in Paris", "a matter of goût", "Genève", "He lives in Genève now", "a flight to Genève",
	"Straße", "Main Straße 5", "lives in the Hauptstraße in Berlin", "niño", "el niño", "The El Niño effect", "Smörgås", "a Smörgås for lunch", "smörgåsbord", "a café", "café", "Café", "The café is closed", "un café",
	"naïve", "a naïve approach", "résumé", "my résumé is attached", "Zürich", "from Zürich to Bern", "München", "Köln", "Düsseldorf", "Malmö", "Göteborg", "Århus", "Tromsø", "København", "Ångström", "Øresund",
	"São Paulo", "the city of São Paulo", "Curaçao", "façade", "garçon", "Málaga", "Córdoba", "Bogotá", "Panamá", "Perú", "México", "José", "Jose and José", "María", "Martínez", "Núñez", "Peña", "piñata", "jalapeño", "mañana",
	"Renée", "Zoë", "Chloë", "Noël", "Noël 2019", "Müller", "Mr. Müller", "Schröder", "Björn", "Søren", "Åsa", "Jürgen", "Günther", "François", "Hélène", "André", "René", "Beyoncé", "Pokémon", "Pokémon GO", "Häagen-Dazs", "Citroën", "Nestlé", "L'Oréal", "Hermès",
	"voilà", "Voilà!", "déjà vu", "à la carte", "pièce de résistance", "tête-à-tête", "château", "Château Margaux", "hors d'œuvre", "über", "Übermensch", "doppelgänger", "Gödel", "Poincaré", "Schrödinger equation", "Möbius strip", "Brontë", "Dvorák", "Æsop", "encyclopædia", "fiancé", "fiancée", "touché", "cliché", "passé", "exposé", "Señor", "Reykjavík", "Þór", "Islay & Jura: 43° Café",
}

// TestDetectSymbols wants windows-1252 where the only bytes beyond ASCII are a
// symbol or a word, whatever plain English is around and however much of it.
func TestDetectSymbols(t *testing.T) {
	long := strings.Repeat("All of this is written in plain English words. ", 30)
	for _, text := range slices.Concat(symbolTexts, foreignTexts) {
		for _, around := range [...][2]string{
			{}, {"The ", ""}, {"", " and the rest of the sentence"}, {"    ", "\r\n"}, {"<p>", "</p>\n"}, {"<td class=\"x\">", "</td></tr>\n</table>"},
			{"\n", "\n\n"}, {long, ""}, {"", " " + long}, {long, " " + long},
		} {
			text := around[0] + text + around[1]
			b, ok := encodeAll(t, "windows-1252", text)
			if !ok {
				t.Fatalf("%q is not all windows-1252", text)
			}
			if got := Detect(b, "text/plain"); Decode(b, got) != text {
				t.Errorf("%.60q is taken for %s: %.60q", text, got, Decode(b, got))
			}
		}
	}
}

// TestDetectEverySymbol does so for each of the characters between 0x80 and
// 0xbf, in places where such characters are.
func TestDetectEverySymbol(t *testing.T) {
	for c := 0x80; c < 0xc0; c++ {
		text := string(charmap.Windows1252.DecodeByte(byte(c)))
		if text == "\ufffd" || strings.ContainsAny(text, "ŠšŽžŸŒœƒ\u00ad") {
			continue
		}
		for _, form := range []string{
			"%s", "This is the character %s.", "a %s b", "%s 2024", "12 %s", "Symbols: %s, and nothing else", "the sign (%s)", "\"%s\" is a symbol", "Note %s: see below", "%s\n", "  %s  ",
			"This page is about a character. The character is %s and it is rare in English text.",
		} {
			want := strings.ReplaceAll(form, "%s", text)
			b, _ := encodeAll(t, "windows-1252", want)
			if got := Detect(b, "text/plain"); Decode(b, got) != want {
				t.Errorf("%q is taken for %s: %q", want, got, Decode(b, got))
			}
		}
	}
}
