package cookie

import "time"

// ParseDate reads a cookie-date (section 5.1.1): the algorithm takes the pieces
// in any order and shape instead of a set of layouts, because servers write
// dates in all of them.
func ParseDate(s string) (time.Time, bool) {
	sc := scanner{rest: s}
	return sc.date()
}

// token consumes the next piece of a date, and the delimiters before it. At the
// end it returns "".
func (s *scanner) token() string {
	start := 0
	for start < len(s.rest) && delimiter(s.rest[start]) {
		start++
	}
	end := start
	for end < len(s.rest) && !delimiter(s.rest[end]) {
		end++
	}
	s.looked += 1 + end
	token := s.rest[start:end]
	s.rest = s.rest[end:]
	return token
}

func (s *scanner) date() (time.Time, bool) {
	var (
		hour, minute, second, day, year            int
		month                                      time.Month
		foundTime, foundDay, foundMonth, foundYear bool
	)
	for token := s.token(); token != ""; token = s.token() {
		if !foundTime {
			if hour, minute, second, foundTime = clockOf(token); foundTime {
				continue
			}
		}
		if !foundDay {
			if day, _, foundDay = leadingNumber(token, 1, 2); foundDay {
				continue
			}
		}
		if !foundMonth {
			if month, foundMonth = monthOf(token); foundMonth {
				continue
			}
		}
		if !foundYear {
			year, _, foundYear = leadingNumber(token, 2, 4)
		}
	}
	switch {
	case 70 <= year && year <= 99:
		year += 1900
	case year <= 69:
		year += 2000
	}
	if !foundTime || !foundDay || !foundMonth || !foundYear ||
		year < 1601 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day // 30 February becomes another day
}

func delimiter(c byte) bool {
	return c == '\t' || ' ' <= c && c <= '/' || ';' <= c && c <= '@' || '[' <= c && c <= '`' || '{' <= c && c <= '~'
}

// clockOf reads hours, minutes and seconds from the start of a token.
func clockOf(token string) (hour, minute, second int, ok bool) {
	if hour, token, ok = leadingNumber(token, 1, 2); !ok || token == "" || token[0] != ':' {
		return 0, 0, 0, false
	}
	if minute, token, ok = leadingNumber(token[1:], 1, 2); !ok || token == "" || token[0] != ':' {
		return 0, 0, 0, false
	}
	second, _, ok = leadingNumber(token[1:], 1, 2)
	return hour, minute, second, ok
}

// leadingNumber reads the digits at the start of s, if their number is between
// least and most.
func leadingNumber(s string, least, most int) (n int, rest string, ok bool) {
	i := 0
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		if i == most {
			return 0, "", false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s[i:], i >= least
}

// monthOf recognises a month by its first three letters.
func monthOf(token string) (time.Month, bool) {
	if len(token) < 3 {
		return 0, false
	}
	for m := time.January; m <= time.December; m++ {
		if equalFold(token[:3], m.String()[:3]) {
			return m, true
		}
	}
	return 0, false
}
