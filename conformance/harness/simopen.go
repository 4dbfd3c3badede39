// go-multistream behind the suite: it negotiates, says what it settled on, and echoes.
// simopen ROLE listen PORT PROTOCOLS
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	multistream "github.com/multiformats/go-multistream"
)

func serve(conn net.Conn, names []string) (protocol string, isServer bool, err error) {
	switch os.Args[1] {
	case "listener":
		muxer := multistream.NewMultistreamMuxer[string]()
		for _, name := range names {
			muxer.AddHandler(name, nil)
		}
		protocol, _, err = muxer.Negotiate(conn)
		return protocol, true, err
	case "dialer":
		protocol, err = multistream.SelectOneOf(names, conn)
		return protocol, false, err
	}
	return multistream.SelectWithSimopenOrFail(names, conn)
}

func main() {
	listener, _ := net.Listen("tcp", "127.0.0.1:"+os.Args[3])
	for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
		if protocol, isServer, err := serve(conn, strings.Split(os.Args[4], ",")); err == nil {
			fmt.Fprintf(conn, "%s %s\n", map[bool]string{true: "responder", false: "initiator"}[isServer], protocol)
			io.Copy(conn, conn)
		}
		conn.Close()
	}
}
