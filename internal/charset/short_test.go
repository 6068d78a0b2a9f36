package charset

import (
	"slices"
	"strings"
	"testing"
)

// TestDetectShort has what is often all there is: a word or two of a title.
func TestDetectShort(t *testing.T) {
	for _, tt := range []struct{ charsets, words string }{
		{"shift_jis euc-jp", "カタカナ テスト ソフトウェア コンピュータ メニュー ホーム ニュース カメラ データ サービス ログイン ユーザー パスワード ダウンロード お知らせ 会社概要 東京都 お問い合わせ サイトマップ トップページ 価格 検索 東京都渋谷区"},
		{"big5", "價格 新聞 首頁 登入 搜尋 產品介紹 台灣 聯絡我們 網站地圖 會員 香港 電影 音樂 中文"},
		{"gb18030", "首页 搜索 产品介绍 中国 联系我们 网站地图 会员 电影 音乐 中文 北京市海淀区"},
		{"euc-kr", "안녕하세요 가격 뉴스 검색 로그인 한국 서울 회원가입 영화 음악 한글"},
		{"windows-1251 koi8-r ibm866", "Привет Цена Москва Нет Новости Главная Поиск Владимир ОГЛАВЛЕНИЕ"},
		{"windows-1253 iso-8859-7", "Ελλάδα Αθήνα Καλημέρα τιμή Αρχική ΕΛΛΑΔΑ"},
		{"windows-1250", "Kraków złoty żółw Wałęsa Dvořák Škoda Plzeň Győr Nagykőrös árvíztűrő Kovačević București Timişoara"},
		{"windows-1254", "Türkiye Beşiktaş güneş Diyarbakır"},
		{"windows-1255 iso-8859-8", "שלום ירושלים מחיר"},
		{"windows-1256 iso-8859-6", "مرحبا السعر القاهرة"},
		{"windows-874", "ราคา สวัสดี กรุงเทพ"},
		{"windows-1252", strings.Join(foreignTexts, " ")},
	} {
		for name := range strings.FieldsSeq(tt.charsets) {
			for word := range strings.FieldsSeq(tt.words) {
				if b, ok := encodeAll(t, name, word); ok && Decode(b, Detect(b, "text/plain")) != word {
					t.Errorf("%s in %s is taken for %s", word, name, Detect(b, "text/plain"))
				}
			}
		}
	}
}

// TestDetectVisualHebrew has the letters in the order of the screen.
func TestDetectVisualHebrew(t *testing.T) {
	for _, text := range paragraphs(t)["he"] {
		runes := []rune(text)
		slices.Reverse(runes)
		for _, name := range []string{"iso-8859-8", "windows-1255", "cp862"} {
			for _, n := range []int{16, 40, len(runes)} {
				text := string(runes[:n])
				b, _ := encodeAll(t, name, text)
				if got := Detect(b, "text/plain"); Decode(b, got) != text {
					t.Errorf("%s is taken for %s: %q", name, got, Decode(b, got))
				}
			}
		}
	}
}
