package realpeer

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"sync"
	"syscall"
)

// owner is the user that servers run as and that owns their files. The zero
// value is the current user.
type owner struct {
	credential *syscall.Credential
}

// serverOwner is the user postgres when we are root, since both servers
// refuse to run as root.
var serverOwner = sync.OnceValues(func() (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return owner{}, fmt.Errorf("servers can't run as root: %w: apt-get install postgresql-common", err)
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		return owner{}, fmt.Errorf("user postgres has no numeric ids: %s, %s", account.Uid, account.Gid)
	}
	return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
})

// own hands a file or directory over to the owner.
func (o owner) own(path string) error {
	if o.credential == nil {
		return nil
	}
	return os.Chown(path, int(o.credential.Uid), int(o.credential.Gid))
}
