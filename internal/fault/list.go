package fault

import (
	"strconv"
	"strings"
)

// A List is several errors on one line.
type List []error

// maxListed is how many errors of a List are shown.
const maxListed = 20

func (l List) Error() string {
	texts := make([]string, 0, maxListed+1)
	for i, err := range l {
		if i == maxListed {
			texts = append(texts, strconv.Itoa(len(l)-maxListed)+" more")
			break
		}
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

func (l List) Unwrap() []error { return l }
