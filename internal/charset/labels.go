package charset

import (
	"strings"
	"sync"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// A charset is one encoding with its other labels. Labels that differ only in
// what [squeeze] drops are listed once.
type charset struct {
	name   string
	coding coding
	labels string // of the Encoding Standard, separated by spaces
	others string // of other software
}

// A coding is an [encoding.Encoding], or one that is only read.
type coding interface{ NewDecoder() *encoding.Decoder }

// charsets has the encodings of the Encoding Standard
// (encoding.spec.whatwg.org, section 4.2), then what the standard leaves out
// and other software still writes.
var charsets = []charset{
	{"utf-8", unicode.UTF8, "unicode-1-1-utf-8 unicode20utf8 x-unicode20utf8", "u8 utf cp65001 utf-8-sig utf8mb4"},
	{"ibm866", charmap.CodePage866, "866 cp866 csibm866", ""},
	{"iso-8859-2", charmap.ISO8859_2, "csisolatin2 iso-ir-101 iso_8859-2:1987 l2 latin2", ""},
	{"iso-8859-3", charmap.ISO8859_3, "csisolatin3 iso-ir-109 iso_8859-3:1988 l3 latin3", ""},
	{"iso-8859-4", charmap.ISO8859_4, "csisolatin4 iso-ir-110 iso_8859-4:1988 l4 latin4", ""},
	{"iso-8859-5", charmap.ISO8859_5, "csisolatincyrillic cyrillic iso-ir-144 iso_8859-5:1988", ""},
	{"iso-8859-6", charmap.ISO8859_6, "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i iso-ir-127 iso_8859-6:1987", ""},
	{"iso-8859-7", charmap.ISO8859_7, "csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso_8859-7:1987 sun_eu_greek", ""},
	{"iso-8859-8", charmap.ISO8859_8, "csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso_8859-8:1988 visual", ""},
	{"iso-8859-8-i", charmap.ISO8859_8, "csiso88598i logical", ""},
	{"iso-8859-10", charmap.ISO8859_10, "csisolatin6 iso-ir-157 l6 latin6", ""},
	{"iso-8859-13", charmap.ISO8859_13, "", "l7 latin7"},
	{"iso-8859-14", charmap.ISO8859_14, "", "l8 latin8"},
	{"iso-8859-15", charmap.ISO8859_15, "csisolatin9 l9", "latin9"},
	{"iso-8859-16", charmap.ISO8859_16, "", "l10 latin10"},
	{"koi8-r", charmap.KOI8R, "cskoi8r koi koi8", "cp20866"},
	{"koi8-u", charmap.KOI8U, "koi8-ru", "cp21866"},
	{"macintosh", charmap.Macintosh, "csmacintosh mac x-mac-roman", "macroman"},
	{"windows-874", charmap.Windows874, "dos-874 iso-8859-11 tis-620", "cp874 thai"},
	{"windows-1250", charmap.Windows1250, "cp1250 x-cp1250", "win-1250"},
	{"windows-1251", charmap.Windows1251, "cp1251 x-cp1251", "win-1251"},
	{"windows-1252", charmap.Windows1252, "ansi_x3.4-1968 ascii cp819 cp1252 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso_8859-1:1987 l1 latin1 us-ascii x-cp1252", "646 win-1252"},
	{"windows-1253", charmap.Windows1253, "cp1253 x-cp1253", "win-1253"},
	{"windows-1254", charmap.Windows1254, "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso_8859-9:1989 l5 latin5 x-cp1254", "win-1254"},
	{"windows-1255", charmap.Windows1255, "cp1255 x-cp1255", "win-1255"},
	{"windows-1256", charmap.Windows1256, "cp1256 x-cp1256", "win-1256"},
	{"windows-1257", charmap.Windows1257, "cp1257 x-cp1257", "win-1257"},
	{"windows-1258", charmap.Windows1258, "cp1258 x-cp1258", "win-1258"},
	{"x-mac-cyrillic", charmap.MacintoshCyrillic, "x-mac-ukrainian", "maccyrillic"},
	{"gbk", simplifiedchinese.GB18030, "chinese csgb2312 csiso58gb231280 gb2312 gb_2312-80 iso-ir-58 x-gbk", "cp936 ms936 euc-cn"},
	{"gb18030", simplifiedchinese.GB18030, "", ""},
	{"big5", traditionalchinese.Big5, "big5-hkscs cn-big5 csbig5 x-x-big5", "cp950 ms950"},
	{"euc-jp", japanese.EUCJP, "cseucpkdfmtjapanese x-euc-jp", "ujis cp51932"},
	{"iso-2022-jp", japanese.ISO2022JP, "csiso2022jp", "iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-ext cp50220"},
	{"shift_jis", japanese.ShiftJIS, "csshiftjis ms932 ms_kanji sjis windows-31j x-sjis", "cp932"},
	{"euc-kr", korean.EUCKR, "cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 windows-949", "cp949 ms949 uhc"},
	{"replacement", encoding.Replacement, "csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr", ""},
	{"utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "unicodefffe", "cp1201"},
	{"utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16", "u16 cp1200"},
	{"x-user-defined", charmap.XUserDefined, "", ""},

	{"utf-32be", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "", "cp12001"},
	{"utf-32le", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "", "utf-32 u32 ucs-4 iso-10646-ucs-4 cp12000"},
	{"cp037", charmap.CodePage037, "", "ibm037 ebcdic-cp-us"},
	{"cp437", charmap.CodePage437, "", "ibm437 437"},
	{"cp850", charmap.CodePage850, "", "ibm850 850"},
	{"cp852", charmap.CodePage852, "", "ibm852 852"},
	{"cp855", charmap.CodePage855, "", "ibm855 855"},
	{"cp858", charmap.CodePage858, "", "ibm858 858 ibm00858"},
	{"cp860", charmap.CodePage860, "", "ibm860 860"},
	{"cp862", charmap.CodePage862, "", "ibm862 862"},
	{"cp863", charmap.CodePage863, "", "ibm863 863"},
	{"cp865", charmap.CodePage865, "", "ibm865 865"},
	{"cp1047", charmap.CodePage1047, "", "ibm1047"},
	{"cp1140", charmap.CodePage1140, "", "ibm1140"},
	{"cp273", cp273, "", "ibm273 273"},
	{"cp424", cp424, "", "ibm424 424 ebcdic-cp-he"},
	{"cp500", cp500, "", "ibm500 500 ebcdic-cp-be ebcdic-cp-ch"},
	{"cp720", cp720, "", "ibm720 720"},
	{"cp737", cp737, "", "ibm737 737"},
	{"cp775", cp775, "", "ibm775 775"},
	{"cp857", cp857, "", "ibm857 857"},
	{"cp861", cp861, "", "ibm861 861 cp-is"},
	{"cp864", cp864, "", "ibm864 864"},
	{"cp869", cp869, "", "ibm869 869 cp-gr"},
	{"cp875", cp875, "", "ibm875 875"},
	{"cp1026", cp1026, "", "ibm1026 1026"},
	{"cp1125", cp1125, "", "ibm1125 1125 cp866u ruscii"},
	{"x-mac-ce", macCentralEurope, "", "maccentraleurope mac-latin2 mac-ce x-mac-centraleurroman"},
	{"x-mac-croatian", macCroatian, "", "maccroatian"},
	{"x-mac-greek", macGreek, "", "macgreek"},
	{"x-mac-icelandic", macIceland, "", "maciceland"},
	{"x-mac-romanian", macRomania, "", "macromanian macromania"},
	{"x-mac-turkish", macTurkish, "", "macturkish"},
	{"koi8-t", koi8T, "", ""},
	{"kz1048", kz1048, "", "strk1048-2002 rk1048"},
	{"ptcp154", ptcp154, "", "csptcp154 pt154 cp154 cyrillic-asian"},
	{"hp-roman8", hpRoman8, "", "roman8 r8 cshproman8 cp1051 ibm1051"},
	{"viscii", viscii, "", "csviscii viscii1.1-1"},
	{"tcvn", tcvn, "", "tcvn-5712 tcvn5712-1 tcvn5712-1:1993"},
	{"johab", johab{}, "", "cp1361 ms1361 ks-c-5601-1992"},

	// Encodings that the standard replaces by an error, because the label may
	// come from an attacker. Their texts are recognised by their form.
	{"x-iso-2022-kr", iso2022KR{}, "", ""},
	{"x-hz-gb-2312", simplifiedchinese.HZGB2312, "", ""},
}

// byLabel finds a charset by a squeezed label.
var byLabel = sync.OnceValue(func() map[string]*charset {
	index := make(map[string]*charset)
	for i := range charsets {
		c := &charsets[i]
		for label := range strings.FieldsSeq(c.name + " " + c.labels + " " + c.others) {
			index[string(squeeze(nil, label))] = c
		}
	}
	return index
})

// maxLabel is longer than any squeezed label.
const maxLabel = 32

func find(label string) (*charset, bool) {
	var key [maxLabel]byte
	c, ok := byLabel()[string(squeeze(key[:0], label))]
	return c, ok
}

// squeeze appends the significant part of a label to key: "utf8" for "UTF_8",
// "utf-8" and "utf 8". The Encoding Standard is stricter, Python's codecs are
// not. A label that is longer than any known one is cut, but stays longer than
// those.
func squeeze(key []byte, label string) []byte {
	for i := 0; i < len(label) && len(key) < maxLabel; i++ {
		switch c := label[i]; {
		case c >= 'A' && c <= 'Z':
			key = append(key, c+'a'-'A')
		case strings.IndexByte("-_. \t\n\f\r", c) < 0:
			key = append(key, c)
		}
	}
	return key
}
