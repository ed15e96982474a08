package classify

// translatedTexts are PostgreSQL's `password authentication failed for user` in
// the languages that it is translated to: the closed set of src/backend/po
// (release 15, pt_BR of 9.3), in the order of the files' names. They count where the SQLSTATE
// got lost on the way (docs/facts.md#pgbouncer-causes). A rejection in another
// language is not guessed at: as a cause it is `unavailable`. Whose role it is
// is not asked: to take it as ours is the careful reading.
var translatedTexts = []phrase{
	{text: `Passwort-Authentifizierung für Benutzer »*« fehlgeschlagen`, verdict: authFailed},          // de
	{text: `la autentificación password falló para el usuario «*»`, verdict: authFailed},               // es
	{text: `authentification par mot de passe échouée pour l'utilisateur  « * »`, verdict: authFailed}, // fr
	{text: `autenticazione con password fallita per l'utente "*"`, verdict: authFailed},                // it
	{text: `ユーザー"*"のパスワード認証に失敗しました`, verdict: authFailed},                                              // ja
	{text: `პაროლით ავთენტიფიკაცია მომხმარებლისთვის "*" ვერ მოხერხდა`, verdict: authFailed},            // ka
	{text: `사용자 "*"의 password 인증을 실패했습니다`, verdict: authFailed},                                        // ko
	{text: `autenticação do tipo password falhou para usuário "*"`, verdict: authFailed},               // pt_BR
	{text: `пользователь "*" не прошёл проверку подлинности (по паролю)`, verdict: authFailed},         // ru
	{text: `Lösenordsautentisering misslyckades för användare "*"`, verdict: authFailed},               // sv
	{text: `користувач "*" не пройшов автентифікацію за допомогою пароля`, verdict: authFailed},        // uk
	{text: `用户 "*" Password 认证失败`, verdict: authFailed},                                                // zh_CN
}
