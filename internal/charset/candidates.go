package charset

// A candidate is a single-byte encoding in which texts without a label occur.
// If several give the same text, the first one is named.
type candidate struct {
	charset   string
	prior     float64 // log of how much rarer it is than windows-1252, before looking at the text
	languages string  // that use it
}

const (
	western   = "en de fr es it pt nl sv da nb fi is ca gl eu ga sq af fo"
	central   = "pl cs sk hu sl hr ro"
	baltic    = "lt lv et"
	cyrillics = "ru uk bg sr mk be"
)

var candidates = []candidate{
	{"windows-1252", 0, western + " " + anyWestern},
	{"windows-1251", -1, cyrillics},
	{"windows-1250", -1, central + " sq de en"},
	{"windows-1254", -1.5, "tr en"},
	{"windows-1253", -1.5, "el"},
	{"windows-1255", -2, "he he-visual"},
	{"windows-1256", -2, "ar fa"},
	{"windows-1257", -2.5, baltic + " en"},
	{"windows-1258", -3, "vi"},
	{"windows-874", -1.5, "th"},
	{"koi8-r", -2, "ru bg"},
	{"koi8-u", -2.2, "uk ru be"},
	{"iso-8859-2", -2, central + " de en"},
	{"iso-8859-7", -2, "el"},
	{"iso-8859-8", -3, "he he-visual"},
	{"iso-8859-6", -3, "ar"},
	{"iso-8859-5", -3, cyrillics},
	{"iso-8859-15", -2.5, western + " et"},
	{"iso-8859-13", -4, baltic + " pl sl hr fi"},
	{"iso-8859-4", -4.5, baltic},
	{"iso-8859-16", -4, "ro hr hu pl sl"},
	{"iso-8859-3", -4.5, "eo mt tr"},
	{"iso-8859-10", -5, "lt et is lv fo"},
	{"iso-8859-14", -5, "cy ga"},
	{"ibm866", -3.5, "ru bg uk be"},
	{"cp855", -4.5, cyrillics},
	{"cp852", -4.5, central},
	{"cp850", -5, western},
	{"cp437", -5.5, western},
	{"cp858", -6, western},
	{"cp857", -5, "tr"},
	{"cp775", -5.5, baltic},
	{"cp737", -5, "el"},
	{"cp869", -6, "el"},
	{"cp862", -5.5, "he he-visual"},
	{"cp860", -7, "pt"},
	{"cp861", -7, "is"},
	{"cp863", -7, "fr"},
	{"cp865", -7, "da nb"},
	{"cp864", -7, "ar"},
	{"cp720", -6.5, "ar"},
	{"cp1125", -6, "uk"},
	{"macintosh", -6, western},
	{"x-mac-cyrillic", -5, "ru uk bg sr mk be"},
	{"x-mac-ce", -5.5, "pl cs sk hu sl hr"},
	{"x-mac-croatian", -6.5, "hr sl"},
	{"x-mac-romanian", -6.5, "ro"},
	{"x-mac-turkish", -6, "tr"},
	{"x-mac-greek", -6, "el"},
	{"x-mac-icelandic", -6.5, "is fo"},
	{"koi8-t", -6, "tg"},
	{"kz1048", -5.5, "kk"},
	{"ptcp154", -6.5, "kk"},
	{"viscii", -5, "vi"},
	{"tcvn", -6, "vi"},
	{"hp-roman8", -8, western},
}
